"""Which models can be asked by their names now: ours, the configured ones, the cluster's."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Final, TypeVar

from chorus_gateway.errors import GatewayError, UpstreamRefused
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.deployed_url import DeployedUrls
from chorus_gateway.upstream.kept import Kept
from chorus_gateway.upstream.served import Model, Served
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams

FRESH_SECONDS: Final = 1.0  # however many ask, servers are asked so often
AT_ONCE: Final = 32  # of thousands of servers or models
DEADLINE_SECONDS: Final = 2.0  # for the servers, and again for what their models say

Ready = frozenset[str] | None
"""The names that are ready on a server; None for one that does not list its models."""
SILENT: Final[frozenset[str]] = frozenset()  # a server that has said nothing
Named = tuple[str, Target]
"""A name, and where it leads."""

K = TypeVar("K")
T = TypeVar("T")


class Listing:
    """The models that are ready. Who does not answer in time is left out, and fails nobody."""

    def __init__(self, served: Served, upstreams: Upstreams, urls: DeployedUrls) -> None:
        self._served = served
        self._upstreams = upstreams
        self._urls = urls
        self._models = Kept(self._list, FRESH_SECONDS)
        self._described: dict[Named, Model] = {}

    async def models(self) -> list[Model]:
        """Every model by its name, as of a second ago."""
        return await self._models.get("")

    async def _list(self, _: str) -> list[Model]:
        elsewhere = self._targets(self._urls.names)
        # Ours first: they are not to wait for servers that hang.
        origins = dict.fromkeys([None, *(target.origin for _, target in elsewhere)])
        ready = await _answers(self._ready_on, origins)
        own = self._targets(ready.get(None) or ())
        there = await self._there({*own, *elsewhere}, ready)
        found = await _answers(self._describe, there)
        before = self._described  # a server that is busy says late what it has said already
        self._described = {
            key: found.get(key) or before[key] for key in there if key in found or key in before
        }
        return sorted(self._described.values(), key=lambda model: model.name)

    def _targets(self, names: Iterable[str]) -> list[Named]:
        """Where these names lead; those that lead nowhere, or to several servers, are left out."""
        found = []
        for name in names:
            with suppress(GatewayError):
                found.append((name, self._urls.named(name)))
        return found

    async def _there(
        self, named: Collection[Named], ready: Mapping[Origin | None, Ready]
    ) -> list[Named]:
        """Those that are ready, by their servers' lists; by their own word where there is none."""
        unlisted = [
            key for key in named if key[1].model and ready.get(key[1].origin, SILENT) is None
        ]
        answers = await _answers(self._is_ready, unlisted)
        return [key for key in named if answers.get(key) or _is_listed(key[1], ready)]

    async def _is_ready(self, key: Named) -> bool:
        return await self._upstreams.ready(key[1])

    async def _ready_on(self, origin: Origin | None) -> Ready:
        try:
            return frozenset(await self._upstreams.ready_models(origin))
        except UpstreamRefused:
            return None

    async def _describe(self, key: Named) -> Model:
        name, target = key
        return await self._served.describe(name, target)


def _is_listed(target: Target, ready: Mapping[Origin | None, Ready]) -> bool:
    names = ready.get(target.origin) or SILENT
    return target.model in names if target.model else len(names) == 1


async def _answers(ask: Callable[[K], Awaitable[T]], keys: Iterable[K]) -> dict[K, T]:
    """What comes in time."""
    few = asyncio.Semaphore(AT_ONCE)
    found: dict[K, T] = {}

    async def one(key: K) -> None:
        async with few:
            with suppress(GatewayError):
                found[key] = await ask(key)

    asking = [asyncio.create_task(one(key)) for key in keys]
    if not asking:
        return {}
    done, late = await asyncio.wait(asking, timeout=DEADLINE_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        task.result()  # any other error is a bug
    return found
