"""Where a server listens, as a generator of load reaches it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """A host as the resolver takes it, a port, and the TLS settings where it is asked over TLS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        """The host and the port as HTTP writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def loopback(port: int) -> Address:
    """A server of this machine."""
    return Address(LOOPBACK, port)
