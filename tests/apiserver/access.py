"""Who asks (a bearer token), and whether they may (the Roles and bindings that were applied)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from tests.apiserver import kinds
from tests.apiserver.kinds import Item
from tests.apiserver.problems import Problem
from tests.apiserver.store import Store

RBAC_GROUP = "rbac.authorization.k8s.io"
ROLE = kinds.named("Role")
ROLE_BINDING = kinds.named("RoleBinding")
CLUSTER_ROLE = kinds.named("ClusterRole")
CLUSTER_ROLE_BINDING = kinds.named("ClusterRoleBinding")


@dataclass(frozen=True)
class User:
    """Whom a token stands for."""

    name: str
    groups: frozenset[str]
    namespace: str = ""
    account: str = ""

    @property
    def is_admin(self) -> bool:
        return "system:masters" in self.groups


ADMIN = User("kubernetes-admin", frozenset({"system:masters", "system:authenticated"}))


def service_account(namespace: str, name: str) -> User:
    """A service account, in the groups that a cluster puts it in."""
    groups = {
        "system:authenticated",
        "system:serviceaccounts",
        f"system:serviceaccounts:{namespace}",
    }
    return User(f"system:serviceaccount:{namespace}:{name}", frozenset(groups), namespace, name)


class Tokens:
    """Bearer tokens, valid until they are revoked."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def issue(self, user: User) -> str:
        token = secrets.token_urlsafe(32)
        self._users[token] = user
        return token

    def revoke(self, token: str) -> None:
        self._users.pop(token, None)

    def user(self, authorization: str | None) -> User:
        """Whom an `Authorization` header names; 401 where it names nobody."""
        scheme, _, token = (authorization or "").partition(" ")
        user = self._users.get(token.strip())
        if user is None or scheme.lower() != "bearer":
            raise Problem(401, "Unauthorized")
        return user


@dataclass(frozen=True)
class Question:
    """May this be done? A namespace or a name that is empty means all of them."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


class Rbac:
    """Decides by the Roles, ClusterRoles and bindings in the store, as they are now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def demand(self, user: User, asked: Question) -> None:
        """403 where no role of the user allows it."""
        if not user.is_admin and not any(_allows(rule, asked) for rule in self._rules(user, asked)):
            raise _forbidden(user, asked)

    def _rules(self, user: User, asked: Question) -> Iterator[Item]:
        bindings = self._store.items(CLUSTER_ROLE_BINDING)
        if asked.namespace:
            bindings = bindings + self._store.items(ROLE_BINDING, asked.namespace)
        for binding in bindings:
            if any(_is(user, subject) for subject in binding.get("subjects") or []):
                yield from self._role(binding).get("rules") or []

    def _role(self, binding: Item) -> Item:
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            role = self._store.get(CLUSTER_ROLE, "", reference["name"])
        else:
            role = self._store.get(ROLE, binding["metadata"]["namespace"], reference["name"])
        return role or {}


def _is(user: User, subject: Item) -> bool:
    if subject["kind"] == "ServiceAccount":
        return (subject.get("namespace"), subject["name"]) == (user.namespace, user.account)
    if subject.get("apiGroup") != RBAC_GROUP:
        return False
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    return bool(subject["kind"] == "User" and subject["name"] == user.name)


def _allows(rule: Item, asked: Question) -> bool:
    named = rule.get("resourceNames") or []
    return (
        bool({asked.verb, "*"} & set(rule.get("verbs") or []))
        and bool({asked.group, "*"} & set(rule.get("apiGroups") or []))
        and bool({asked.resource, "*"} & set(rule.get("resources") or []))
        and (not named or asked.name in named)
    )


def _forbidden(user: User, asked: Question) -> Problem:
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    what = f'{qualified} "{asked.name}"' if asked.name else qualified
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return Problem(
        403,
        f'{what} is forbidden: User "{user.name}" cannot {asked.verb} resource '
        f'"{asked.resource}" in API group "{asked.group}" {where}',
    )
