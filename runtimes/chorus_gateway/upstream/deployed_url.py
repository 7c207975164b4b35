"""`model_deployed_url`: which model on which server a caller means, read once and checked.

What a caller writes is never sent on. It is read into a Target, and the URL that is asked is built
from that, so no two readers of a URL can disagree about where it leads.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from chorus_gateway.discovery.servers import Servers
from chorus_gateway.errors import BadInput, UrlNotAllowed
from chorus_gateway.outbound.allowed import Allowed
from chorus_gateway.outbound.text import Origin, UnreadableUrl, read_url
from chorus_gateway.upstream.target import Target

FIELD: Final = "model_deployed_url"
FORMS: Final = (
    f"{FIELD}: send http(s)://HOST[:PORT]/v2/models/NAME/infer, the name of a model, or "
    "NAMESPACE/SERVICE of a server in the cluster"
)
# One sentence for every server that is not on the list, whether it is there or not.
REFUSAL: Final = f"{FIELD}: this server is not among those that the gateway may ask"

_NAME: Final = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,128}"
NAME: Final = re.compile(_NAME)
_PATH: Final = re.compile(
    rf"/?|/v2/models/(?P<model>{_NAME})(?:/versions/(?P<version>{_NAME}))?(?:/infer)?/?"
)
# The names of a namespace and a Service, then of a model where the server has several.
_KEY: Final = re.compile(rf"(?P<key>[a-z0-9-]{{1,63}}/[a-z0-9-]{{1,63}})(?:/(?P<model>{_NAME}))?")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


class DeployedUrls:
    """Reads what callers write. `own` are our servers' URLs, `named` maps names to URLs.

    `allowed` are further servers, entries of `Allowed`; `expected` the models that our own servers
    are to have, `cluster` the servers that the cluster names. Raises ValueError where an entry or
    a URL cannot be read.
    """

    def __init__(
        self,
        own: Iterable[str],
        allowed: Iterable[str] = (),
        named: Mapping[str, str] | None = None,
        expected: Iterable[str] = (),
        cluster: Servers | None = None,
    ) -> None:
        self._own = frozenset(alias for url in own for alias in _aliases(url))
        self._allowed = Allowed(allowed)
        self._named = {name: parse_named(name, url) for name, url in (named or {}).items()}
        self._expected = frozenset(expected)
        self._cluster = cluster or Servers()

    @property
    def names(self) -> list[str]:
        """The configured names, and those of models in the cluster."""
        return list(dict.fromkeys([*self._named, *self._cluster.names]))

    def resolve(self, text: object) -> Target:
        """Find out what is meant, by a URL or by a name.

        Raises BadInput, UrlNotAllowed, UnknownModel, AmbiguousModel.
        """
        if not isinstance(text, str):
            raise BadInput(FORMS)
        if NAME.fullmatch(text):
            return self.named(text)
        if place := _KEY.fullmatch(text):
            return self._cluster.at(place["key"], place["model"])
        target = _parse(text)
        if target.origin in self._own:
            return Target(None, target.model, target.version)
        if origin := self._cluster.origin(target.origin):
            return Target(origin, target.model, target.version)
        if target.origin is None or not self._allowed.admits(target.origin):
            raise UrlNotAllowed(REFUSAL)
        return target

    def named(self, name: str) -> Target:
        """The configured model of that name, else one that our own servers are to have, else the
        cluster's, else whatever our own servers know by it.

        Raises BadInput, AmbiguousModel.
        """
        if not NAME.fullmatch(name):
            raise BadInput("the name of a model is letters, digits and . _ -")
        if name in self._named:
            return self._named[name]
        elsewhere = None if name in self._expected else self._cluster.model(name)
        return elsewhere or Target(None, name)

    def is_listed(self, origin: Origin) -> bool:
        """Whether the operator wrote this very server down, as allowed or with a name."""
        named = any(target.origin == origin for target in self._named.values())
        return named or self._allowed.lists(origin)

    def is_named(self, origin: Origin) -> bool:
        """Whether the log may name the server: no caller can have made it up."""
        return self.is_listed(origin) or self._cluster.has(origin)


def parse_named(name: str, url: str) -> Target:
    """Read one configured name and its URL. Raises ValueError."""
    try:
        target = _parse(url)
    except BadInput:
        raise ValueError(f"{url!r} is not the URL of a model") from None
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name: letters, digits and . _ -")
    return target


def _parse(text: str) -> Target:
    try:
        url = read_url(text)
    except UnreadableUrl:
        raise BadInput(FORMS) from None
    place = _PATH.fullmatch(url.path)
    if place is None:
        raise BadInput(FORMS)
    return Target(url.origin, place["model"], place["version"])


def _aliases(own: str) -> Iterator[Origin]:
    """All names of a server: who may ask this machine by one of its names may by all.

    One below a path has none: its models are reached by their names alone.
    """
    try:
        url = read_url(own)
    except UnreadableUrl:
        return
    if url.path in ("", "/"):
        hosts = _LOOPBACK if url.origin.host in _LOOPBACK else (url.origin.host,)
        for host in hosts:
            yield Origin(url.origin.scheme, host, url.origin.port)
