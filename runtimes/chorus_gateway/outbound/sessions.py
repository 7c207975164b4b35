"""Three sessions for servers that callers name: the operator's, the cluster's, and others."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Protocol

import aiohttp

from chorus_gateway.errors import UrlNotAllowed
from chorus_gateway.outbound.networks import (
    METADATA,
    NOT_IN_A_CLUSTER,
    NOT_PUBLIC,
    AddressRefused,
    AddressRule,
    parse_networks,
)
from chorus_gateway.outbound.text import Origin

logger = logging.getLogger(__name__)


class Standing(Enum):
    """Who vouches for a server: the operator by a list, the cluster, or nobody."""

    LISTED = "listed"
    IN_CLUSTER = "in the cluster"
    CHOSEN = "of a caller's choice"


class Cluster(Protocol):
    """The servers that the cluster names."""

    def has(self, origin: Origin) -> bool:
        """Whether this is one of them."""

    def addresses(self, host: str) -> Sequence[str]:
        """Where the cluster says that it is; empty where a lookup has to tell."""


class Outbound:
    """Goes to servers that are listed, nearly wherever they are, to those of the cluster in any
    network but this machine's own, and to others on the internet only.

    `allowed` are networks that all may be in, `refusal` is what callers are told of every address
    that is refused.
    """

    def __init__(
        self,
        is_listed: Callable[[Origin], bool],
        allowed: Iterable[str],
        refusal: str,
        cluster: Cluster | None = None,
    ) -> None:
        networks = parse_networks(allowed)
        self._is_listed = is_listed
        self._cluster = cluster
        self._rules = {
            Standing.LISTED: AddressRule(METADATA, networks, hides_names=False),
            Standing.CHOSEN: AddressRule(NOT_PUBLIC, networks),
        }
        if cluster:
            self._rules[Standing.IN_CLUSTER] = AddressRule(
                NOT_IN_A_CLUSTER, networks, hides_names=False, known=cluster.addresses
            )
        self._refusal = refusal
        self._sessions: dict[Standing, aiohttp.ClientSession] = {}

    async def open(self, start: Callable[[AddressRule], aiohttp.ClientSession]) -> None:
        """Create the sessions, each of which keeps to its rule; called once, in the event loop."""
        self._sessions = {standing: start(rule) for standing, rule in self._rules.items()}

    async def close(self) -> None:
        """Close the sessions and their connections."""
        for session in self._sessions.values():
            await session.close()

    def standing(self, origin: Origin) -> Standing:
        """Who vouches for a server."""
        if self._cluster and self._cluster.has(origin):
            return Standing.IN_CLUSTER
        return Standing.LISTED if self._is_listed(origin) else Standing.CHOSEN

    @contextmanager
    def to(self, origin: Origin) -> Iterator[aiohttp.ClientSession]:
        """Send a request to the server in here. Raises UrlNotAllowed, and logs why."""
        standing = self.standing(origin)
        try:
            yield self._sessions[standing]
        except aiohttp.ClientConnectorError as error:
            if not isinstance(error.os_error, AddressRefused):
                raise
            who = "a server of a caller's choice" if standing is Standing.CHOSEN else origin
            logger.warning("%s was not connected to: %s", who, error.os_error)
            raise UrlNotAllowed(self._refusal) from error
