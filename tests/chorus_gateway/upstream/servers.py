"""Pools and senders for tests, with the gateway's own limits unless told otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chorus_gateway.outbound.sessions import Outbound
from chorus_gateway.upstream.breaker import Breaker
from chorus_gateway.upstream.deployed_url import REFUSAL
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.http_transport import HttpTransport
from chorus_gateway.upstream.pool import OwnServer, Pool
from chorus_gateway.upstream.sender import Sender
from chorus_gateway.upstream.transport import Transport

READY = "/v2/models/process/ready"
PATIENCE = 5.0


def own_server(
    url: str, transport: Transport | None = None, failures: int = 5, is_open: bool = False
) -> OwnServer:
    transport = transport or HttpTransport(url, connect_timeout=1, max_answer_bytes=1 << 20)
    return OwnServer(url, transport, Breaker(url, failures, is_open=is_open), PATIENCE)


def pool_of(*servers: OwnServer | str, probe: str = READY) -> Pool:
    """Not opened: it does not look for servers by itself."""
    own = [own_server(server) if isinstance(server, str) else server for server in servers]
    return Pool(own, probe, 1.0)


def strangers(failures: int = 5, pause: float = 60.0) -> ForeignServers:
    return ForeignServers(failures, pause, PATIENCE, lambda _: None, lambda _: True)


@asynccontextmanager
async def sending(
    own: Pool, foreign: ForeignServers | None = None, most: int = 1 << 20
) -> AsyncIterator[Sender]:
    anywhere = Outbound(lambda _: True, (), REFUSAL)
    sender = Sender(own, foreign or strangers(), anywhere, connect_timeout=1, max_answer_bytes=most)
    await sender.open()
    yield sender
    await sender.close()
