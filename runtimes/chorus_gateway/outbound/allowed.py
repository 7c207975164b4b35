"""The operator's lists of servers: CHORUS_ALLOWED_SERVERS and CHORUS_MEDIA_HOSTS."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from chorus_gateway.outbound.text import AUTHORITY, Origin, UnreadableUrl, is_name, origin_of

PUBLIC: Final = "public"  # every name on the internet, at the ports of the web
PUBLIC_PORTS: Final = (80, 443)

_ENTRY: Final = re.compile(
    rf"(?:(?P<scheme>https?)://)?(?P<below>\*\.)?{AUTHORITY}/?", re.ASCII | re.IGNORECASE
)
# A name of one label is one of the local network's.
_PUBLIC_NAME: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*", re.ASCII)


class Allowed:
    """Which servers callers may name.

    An entry is `[http[s]://]HOST[:PORT]`, without a scheme for both of them, without a port for
    that of the scheme; `*.example.com` as the host is every name below that one. The entry
    `public` is every public name. Raises ValueError for any other entry.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        entries = list(entries)
        self._public = PUBLIC in entries
        origins = {origin for entry in entries for origin in parse_entry(entry)}
        self._listed = frozenset(origin for origin in origins if "*" not in origin.host)
        self._families = frozenset(origins - self._listed)

    def lists(self, origin: Origin) -> bool:
        """Whether the operator wrote down this very server."""
        return origin in self._listed

    def admits(self, origin: Origin) -> bool:
        """Whether the gateway may be sent there, if its address is allowed too."""
        return (
            self.lists(origin)
            or any(family in self._families for family in _families(origin))
            or (self._public and _is_public(origin))
        )


def parse_entry(text: str) -> tuple[Origin, ...]:
    """Read one entry; a host that starts with `*.` stands for names. Raises ValueError."""
    if text == PUBLIC:
        return ()
    found = _ENTRY.fullmatch(text)
    try:
        if found is None or (found["below"] and not is_name(found["host"].lower())):
            raise UnreadableUrl
        schemes = [found["scheme"]] if found["scheme"] else ["http", "https"]
        origins = [origin_of(scheme, found["host"], found["port"]) for scheme in schemes]
    except UnreadableUrl:
        raise ValueError(
            f"{text!r} is not a server; write https://models.example.com:8443, *.example.com or "
            f"{PUBLIC}"
        ) from None
    below = found["below"] or ""
    return tuple(Origin(origin.scheme, below + origin.host, origin.port) for origin in origins)


def _families(origin: Origin) -> Iterator[Origin]:
    """All wildcards that a server falls under."""
    _, dot, parent = origin.host.partition(".")
    while dot:
        yield Origin(origin.scheme, f"*.{parent}", origin.port)
        _, dot, parent = parent.partition(".")


def _is_public(origin: Origin) -> bool:
    return origin.port in PUBLIC_PORTS and _PUBLIC_NAME.fullmatch(origin.host) is not None
