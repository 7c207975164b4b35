"""What a request is about: the verb, the kind and the object behind its method and path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.apiserver import kinds
from tests.apiserver.access import Question
from tests.apiserver.kinds import Kind
from tests.apiserver.problems import Problem

_COLLECTION_VERBS = {"GET": "list", "POST": "create"}
_ITEM_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Asked:
    """One line of the request log.

    `user` is empty where the token named nobody, `status` 0 where the connection was cut instead.
    A request for a document of the API itself has no group and no resource; its name is its path.
    """

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    user: str
    status: int
    query: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """A verb, and a kind or one object of it; without a namespace, those of all."""

    verb: str
    kind: Kind
    namespace: str
    name: str

    @property
    def question(self) -> Question:
        """What has to be allowed for it."""
        return Question(self.verb, self.kind.group, self.kind.plural, self.namespace, self.name)


def find(method: str, path: str, query: Mapping[str, str]) -> Target:
    """The target of a request; 404 for a path that leads nowhere, 405 for a method not known."""
    kind, namespace, name = _place(path.strip("/").split("/"))
    verb = (_ITEM_VERBS if name else _COLLECTION_VERBS).get(method)
    if verb is None:
        raise Problem(405, "the server does not allow this method on the requested resource")
    if verb == "list" and query.get("watch") in ("true", "1"):
        verb = "watch"
    return Target(verb, kind, namespace, name)


def _place(parts: list[str]) -> tuple[Kind, str, str]:
    """Kind, namespace and name behind the parts of a path."""
    match parts:
        case ["api", "v1", *rest]:
            group, version = "", "v1"
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise _nowhere()
    match rest:
        case ["namespaces", namespace, plural]:
            return _kind(group, version, plural, namespaced=True), namespace, ""
        case ["namespaces", namespace, plural, name]:
            return _kind(group, version, plural, namespaced=True), namespace, name
        case [plural]:
            return _kind(group, version, plural), "", ""
        case [plural, name]:
            return _kind(group, version, plural, namespaced=False), "", name
        case _:
            raise _nowhere()


def _kind(group: str, version: str, plural: str, *, namespaced: bool | None = None) -> Kind:
    kind = kinds.at(group, version, plural)
    if kind is None or namespaced not in (None, kind.namespaced):
        raise _nowhere()
    return kind


def _nowhere() -> Problem:
    return Problem(404, "the server could not find the requested resource")
