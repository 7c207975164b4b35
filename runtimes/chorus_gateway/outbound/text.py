"""The one reading of a URL that a caller sent. Nobody reads the text again after it.

Two readers of a URL may disagree about where it leads. So this one takes only what all readers
understand alike, and what is asked is built from the parts that it found.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

LONGEST: Final = 2048  # characters; neither a model nor an image needs more
LONGEST_NAME: Final = 253  # characters, of DNS

AUTHORITY: Final = r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
# What RFC 3986 has in a path and a query, and the brackets of array parameters.
_PLAIN: Final = r"A-Za-z0-9._~!$&'()*+,;=:@%/\[\]\-"
_URL: Final = re.compile(
    rf"(?P<scheme>https?)://{AUTHORITY}(?P<path>/[{_PLAIN}]*)?(?:\?(?P<query>[{_PLAIN}?]*))?",
    re.ASCII | re.IGNORECASE,
)
_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# A last label of digits would be a number to inet_aton: 127.1, 0x7f.1, 2130706433.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?=[a-z]){_LABEL}", re.ASCII)
_PORTS: Final = {"http": 80, "https": 443}


class UnreadableUrl(ValueError):
    """The text is no URL that the gateway reads."""


@dataclass(frozen=True)
class Origin:
    """A server. `host` is in lower case: a name, an IPv4 address, or an IPv6 one in brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """The URL without a path."""
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Url:
    """A URL in its parts; `path` is empty or starts with a slash, `query` is without its mark."""

    origin: Origin
    path: str
    query: str


def read_url(text: str) -> Url:
    """Read an http or https URL without user, password and fragment. Raises UnreadableUrl."""
    found = _URL.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise UnreadableUrl
    origin = origin_of(found["scheme"], found["host"], found["port"])
    return Url(origin, found["path"] or "", found["query"] or "")


def origin_of(scheme: str, host: str, port: str | None) -> Origin:
    """Put what AUTHORITY found behind a scheme together. Raises UnreadableUrl."""
    scheme, host = scheme.lower(), host.lower()
    number = int(port or _PORTS[scheme])
    if number > 65535 or not (is_name(host) or is_literal(host)):
        raise UnreadableUrl
    return Origin(scheme, host, number)


def is_name(host: str) -> bool:
    """Whether it is a name that no reader takes for a number."""
    return len(host) <= LONGEST_NAME and _NAME.fullmatch(host) is not None


def is_literal(host: str) -> bool:
    """Whether it is an address in its canonical form; other forms are read in many ways."""
    try:
        if host.startswith("["):
            return str(IPv6Address(host[1:-1])) == host[1:-1]
        return str(IPv4Address(host)) == host
    except AddressValueError:
        return False
