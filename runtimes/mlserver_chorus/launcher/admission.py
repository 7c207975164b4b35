"""Who may do what on the server's ports, by the keys there are and by where it listens."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from chorus_http.access.keys import KeyRing
from chorus_http.access.limits import CallerLimits

from ..guard.doors import GRPC, REST, Doors, metrics_rules
from ..settings import RuntimeSettings

OFF: Final = "models are not loaded or unloaded on request here: CHORUS_REPOSITORY_API is off"
EXPOSED: Final = (
    "models are loaded and unloaded on request with a key alone, as this server listens to the "
    "network: set CHORUS_ADMIN_KEYS, or CHORUS_REPOSITORY_API=open"
)


@dataclass(frozen=True)
class Admission:
    """The doors of the ports, None where nobody asks for a key, and what is closed to all."""

    rest: Doors | None
    grpc: Doors | None
    metrics: Doors | None
    exposed: bool
    """Whether others than this machine may come in without a key."""
    repository_closed: str | None
    """Why nobody may load or unload models on request; None where somebody may."""

    @classmethod
    def of(
        cls, keys: KeyRing, ours: RuntimeSettings, host: str, metrics_endpoint: str | None
    ) -> Admission:
        """What holds for a server that listens on `host`."""
        exposed = not keys.enabled and listens_to_the_network(host)
        closed = why_closed(ours, exposed)
        if not keys.enabled:
            return cls(None, None, None, exposed, closed)
        limits = CallerLimits()
        return cls(
            rest=Doors(keys, REST, limits),
            grpc=Doors(keys, GRPC, limits),
            metrics=Doors(keys, metrics_rules(metrics_endpoint or ""), limits),
            exposed=exposed,
            repository_closed=closed,
        )


def listens_to_the_network(host: str) -> bool:
    """Whether others than this machine may reach an address; a name may be of several."""
    if host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def why_closed(ours: RuntimeSettings, exposed: bool) -> str | None:
    """Why the repository API is closed, in words for its callers."""
    if ours.repository_api == "off":
        return OFF
    return EXPOSED if exposed and ours.repository_api == "auto" else None
