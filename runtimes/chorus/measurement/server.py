"""The server that is measured, by its URL."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from chorus.errors import UsageError
from chorus.load.address import Address

PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Server:
    """Where it is, and the key that it is shown; `key_variable` is where the key is set."""

    url: str
    """Without a slash at its end."""
    address: Address
    prefix: str
    """What the paths begin with: empty, unless something in front routes by path."""
    key: str = field(default="", repr=False)
    key_variable: str = "CHORUS_API_KEY"

    @property
    def headers(self) -> Mapping[str, str]:
        """What shows the key, if there is one."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def server(url: str, key: str, key_variable: str) -> Server:
    """The server at a URL. Raises UsageError for one that is none, and for a key of no header."""
    if not all("!" <= character <= "~" for character in key):
        raise UsageError(f"{key_variable} is no key: it has spaces or letters beyond ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise _refusal(url) from None
    host = parts.hostname
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise _refusal(url)
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            f"the URL of {host} has more than a host, a port and a path; "
            f"a key belongs in {key_variable}"
        )
    prefix = parts.path.rstrip("/").removesuffix("/process")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    shown = f"{parts.scheme}://{parts.netloc}{prefix}"
    return Server(shown, Address(host, port, tls), prefix, key, key_variable)


def _refusal(url: str) -> UsageError:
    return UsageError(f"{url!r} is no URL of a server; write it as http://127.0.0.1:8000")
