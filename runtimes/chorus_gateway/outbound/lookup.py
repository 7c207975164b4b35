"""From a name to its addresses: asked once for each connection, and all of the answer judged."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from chorus_gateway.outbound.networks import AddressRefused, AddressRule

# Threads of its own: names whose servers are silent must not hold up those of our own servers.
LOOKUPS: Final = 8
NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class JudgedResolver(AbstractResolver):
    """Finds addresses that keep to a rule; if one of a name's does not, none of them is given."""

    def __init__(self, rule: AddressRule, seconds: float) -> None:
        self._rule = rule
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return all addresses. Raises AddressRefused, TimeoutError, other errors of lookups."""
        found = self._rule.known(host) or await self._look_up(host, family)
        if not found:
            raise AddressRefused("its name has no address")
        for address in found:
            self._rule.require(address)
        return [_result(host, address, port) for address in found]

    async def _look_up(self, host: str, family: socket.AddressFamily) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._seconds):
            try:
                return await loop.run_in_executor(self._threads, _addresses, host, family)
            except socket.gaierror as error:
                if self._rule.hides_names and error.errno != socket.EAI_AGAIN:
                    raise AddressRefused("its name has no address") from None
                raise

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str, family: socket.AddressFamily) -> list[str]:
    flags = socket.AI_ADDRCONFIG
    found = socket.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=NUMERIC
    )
