"""`model_deployed_url`: which model on which server a caller means, read once and checked.

What a caller writes is never sent on. It is read into a Target, and the URL that is asked is built
from that, so no two readers of a URL can disagree about where it leads.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chorus_gateway.errors import BadInput, UrlNotAllowed

LONGEST: Final = 2048  # characters; what is longer is no address of a model

FIELD: Final = "model_deployed_url"
FORMS: Final = (
    f"{FIELD}: send http(s)://HOST[:PORT]/v2/models/NAME/infer, or the name of a model served here"
)
# One sentence for every server that is not on the list, whether it is there or not.
REFUSAL: Final = f"{FIELD}: this server is not among those that the gateway may ask"

_NAME: Final = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,128}"
_ORIGIN: Final = r"(?P<scheme>https?)://(?P<host>%s|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_HOST: Final = r"[a-z0-9_-][a-z0-9._-]*"

NAME: Final = re.compile(_NAME)
_URL: Final = re.compile(_ORIGIN % _HOST + r"(?P<path>/[^?#]*)?(?:\?[^#]*)?", re.IGNORECASE)
_SERVER: Final = re.compile(_ORIGIN % rf"(?:\*\.)?{_HOST}" + "/?", re.IGNORECASE)
_PATH: Final = re.compile(
    rf"/?|/v2/models/(?P<model>{_NAME})(?:/versions/(?P<version>{_NAME}))?(?:/infer)?/?"
)
_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Origin:
    """A server. `host` is in lower case; as an entry of the allow-list it may start with `*.`."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """The URL without a path."""
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Target:
    """A model somewhere: without an origin on our own servers, without a model whichever is there.

    Its parts are checked; nothing else ever becomes part of a URL.
    """

    origin: Origin | None
    model: str | None
    version: str | None = None

    def __str__(self) -> str:
        """Name it, for the log."""
        return f"{self.model or '?'} at {self.origin or 'our own servers'}"

    @property
    def path(self) -> str:
        """The path of the model on its server."""
        if self.model is None:
            raise RuntimeError("this is a bug: the target names no model")
        version = f"/versions/{self.version}" if self.version else ""
        return f"/v2/models/{self.model}{version}"


class DeployedUrls:
    """Reads what callers write. `own` are our servers' URLs, `named` maps names to URLs.

    `allowed` are further servers, `https://*.example.com` standing for every name one label longer.
    Raises ValueError where one of these cannot be read.
    """

    def __init__(
        self,
        own: Iterable[str],
        allowed: Iterable[str] = (),
        named: Mapping[str, str] | None = None,
    ) -> None:
        origins = [parse_server(url) for url in own if _SERVER.fullmatch(url)]  # not below a path
        self._own = frozenset(alias for origin in origins for alias in _aliases(origin))
        self._allowed = frozenset(map(parse_server, allowed))
        self._named = {name: parse_named(name, url) for name, url in (named or {}).items()}

    @property
    def names(self) -> list[str]:
        """The configured names."""
        return list(self._named)

    def resolve(self, text: object) -> Target:
        """Find out what is meant, by a URL or by a name. Raises BadInput, UrlNotAllowed."""
        if not isinstance(text, str):
            raise BadInput(FORMS)
        if NAME.fullmatch(text):
            return self.named(text)
        target = _parse(text)
        if target.origin in self._own:
            return Target(None, target.model, target.version)
        if target.origin is None or not self._allows(target.origin):
            raise UrlNotAllowed(REFUSAL)
        return target

    def named(self, name: str) -> Target:
        """The configured model of that name, else the one served here. Raises BadInput."""
        if not NAME.fullmatch(name):
            raise BadInput("the name of a model is letters, digits and . _ -")
        return self._named.get(name) or Target(None, name)

    def _allows(self, origin: Origin) -> bool:
        _, _, parent = origin.host.partition(".")
        family = Origin(origin.scheme, f"*.{parent}", origin.port)
        return origin in self._allowed or family in self._allowed


def parse_server(url: str) -> Origin:
    """Read one entry of the allow-list. Raises ValueError."""
    found = _SERVER.fullmatch(url)
    if found is None:
        raise ValueError(f"{url!r} is not the URL of a server, as in https://models.example.com")
    return _origin(found)


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
    plain = len(text) <= LONGEST and text.isascii() and text.isprintable()
    found = _URL.fullmatch(text) if plain and not set(text) & set(" \\") else None
    place = _PATH.fullmatch(found["path"] or "") if found else None
    if found is None or place is None:
        raise BadInput(FORMS)
    try:
        return Target(_origin(found), place["model"], place["version"])
    except ValueError:
        raise BadInput(FORMS) from None


def _origin(found: re.Match[str]) -> Origin:
    scheme = found["scheme"].lower()
    port = int(found["port"] or _PORTS[scheme])
    if not 1 <= port <= 65535:
        raise ValueError(f"port {port} is not between 1 and 65535")
    return Origin(scheme, found["host"].lower(), port)


def _aliases(origin: Origin) -> list[Origin]:
    """All names of a server: who may ask this machine by one of its names may by all."""
    hosts = _LOOPBACK if origin.host in _LOOPBACK else (origin.host,)
    return [Origin(origin.scheme, host, origin.port) for host in hosts]
