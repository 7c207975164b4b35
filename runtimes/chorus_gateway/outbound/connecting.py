"""TCP connections to addresses that were judged, and to no others."""

import socket
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from chorus_gateway.outbound.lookup import JudgedResolver
from chorus_gateway.outbound.networks import AddressRefused, AddressRule

AddressInfo = tuple[int, int, int, str, tuple[str | int, ...] | tuple[int, bytes]]


class GuardedConnector(aiohttp.TCPConnector):
    """Connects only where the rule allows, whatever a name resolves to when.

    What was judged is what is connected to; the name stays for TLS and the Host header.
    """

    def __init__(self, rule: AddressRule, lookup_timeout: float, **options: Any) -> None:
        self._rule = rule
        self._lookup = JudgedResolver(rule, lookup_timeout)
        super().__init__(
            resolver=self._lookup, use_dns_cache=False, socket_factory=self._open_socket, **options
        )

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close all connections."""
        await super().close(abort_ssl=abort_ssl)
        await self._lookup.close()

    def _open_socket(self, address: AddressInfo) -> socket.socket:
        """Make the socket that is then connected to exactly this address.

        Every connection passes here, that to a host given by its number too, which no resolver
        sees.
        """
        family, kind, protocol, _, place = address
        if family not in (socket.AF_INET, socket.AF_INET6):
            raise AddressRefused("it is not on an IP network")
        self._rule.require(str(place[0]))
        return socket.socket(family, kind, protocol)

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> ResponseHandler:
        """Look once more at who is connected to, before anything is sent."""
        protocol = await super()._create_connection(req, traces, timeout)
        try:
            self._rule.require(_peer(protocol))
        except OSError as error:
            protocol.abort()
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol


def _peer(protocol: ResponseHandler) -> str:
    peer = protocol.transport and protocol.transport.get_extra_info("peername")
    if not peer:
        raise ConnectionResetError("it ended as soon as it was made")
    return str(peer[0])
