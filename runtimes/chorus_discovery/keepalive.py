"""Finds out that the API server has vanished without a word: its node, or a balancer between."""

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import ClientResponse

# After 30 s without an answer of the other side's kernel the connection is one that has failed;
# the watch itself may be silent for minutes.
IDLE_SECONDS: Final = 15
INTERVAL_SECONDS: Final = 5
PROBES: Final = 3


def keep_alive(response: "ClientResponse") -> None:
    """Have the kernel ask, while the answer is awaited, whether the other side is still there."""
    connection = response.connection
    if connection is None or connection.transport is None:
        return  # all of the answer has come
    one = connection.transport.get_extra_info("socket")
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_SECONDS)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, INTERVAL_SECONDS)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
