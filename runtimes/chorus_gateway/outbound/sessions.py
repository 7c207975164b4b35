"""Two sessions for servers that callers name: those that the operator wrote down, and others."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import aiohttp

from chorus_gateway.errors import UrlNotAllowed
from chorus_gateway.outbound.networks import (
    METADATA,
    NOT_PUBLIC,
    AddressRefused,
    AddressRule,
    parse_networks,
)
from chorus_gateway.outbound.text import Origin

logger = logging.getLogger(__name__)


class Outbound:
    """Goes to servers that are listed, nearly wherever they are; to others on the internet only.

    `allowed` are networks that both may be in, `refusal` is what callers are told of every address
    that is refused.
    """

    def __init__(
        self,
        is_listed: Callable[[Origin], bool],
        allowed: Iterable[str],
        refusal: str,
    ) -> None:
        networks = parse_networks(allowed)
        self._is_listed = is_listed
        self._rules = {
            True: AddressRule(METADATA, networks, hides_names=False),
            False: AddressRule(NOT_PUBLIC, networks),
        }
        self._refusal = refusal
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def open(self, start: Callable[[AddressRule], aiohttp.ClientSession]) -> None:
        """Create the sessions, each of which keeps to its rule; called once, in the event loop."""
        self._sessions = {listed: start(rule) for listed, rule in self._rules.items()}

    async def close(self) -> None:
        """Close the sessions and their connections."""
        for session in self._sessions.values():
            await session.close()

    @contextmanager
    def to(self, origin: Origin) -> Iterator[aiohttp.ClientSession]:
        """Send a request to the server in here. Raises UrlNotAllowed, and logs why."""
        listed = self._is_listed(origin)
        try:
            yield self._sessions[listed]
        except aiohttp.ClientConnectorError as error:
            if not isinstance(error.os_error, AddressRefused):
                raise
            who = origin if listed else "a server of a caller's choice"
            logger.warning("%s was not connected to: %s", who, error.os_error)
            raise UrlNotAllowed(self._refusal) from error
