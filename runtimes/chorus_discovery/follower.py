"""One namespace, followed: list, watch, and go on through every failure."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from chorus_discovery.backoff import Backoff
from chorus_discovery.cluster import Cluster, Event, read_event
from chorus_discovery.errors import ApiServerError, Gone, Unreachable
from chorus_discovery.services import Service
from chorus_discovery.table import Table

logger: Final = logging.getLogger("chorus.discovery")

WATCH_SECONDS: Final = 290  # below the 300 after which some balancers cut a connection
SETTLED_SECONDS: Final = 1.0  # a watch that ends sooner has told nothing


class Follower:
    """Keeps the labelled Services of a namespace; without the API server, as they last were."""

    def __init__(self, cluster: Cluster, namespace: str, on_change: Callable[[], None]) -> None:
        self.services: Mapping[str, Service] = {}
        self.synced = False  # listed once
        self._stale_since: float | None = time.monotonic()
        self._cluster = cluster
        self._namespace = namespace
        self._on_change = on_change
        self._table = Table()
        self._version = ""  # to go on from; empty: list anew
        self._backoff = Backoff()
        self._may_relist = True  # at once, after a 410; again only once a watch has lasted
        self._lost = False

    @property
    def stale_seconds(self) -> float:
        """For how long there has been no watch."""
        return 0.0 if self._stale_since is None else time.monotonic() - self._stale_since

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            if failure := await self._follow():
                self._fail(failure)
                await asyncio.sleep(self._backoff.next())

    async def _follow(self) -> str:
        """List if need be, and watch once; why that failed, empty if it may go on at once."""
        try:
            if not self._version:
                await self._list()
            await self._watch()
        except Gone as error:
            self._version = ""
            at_once, self._may_relist = self._may_relist, False
            return "" if at_once else str(error)
        except ApiServerError as error:
            return str(error)
        except Exception:
            # Nobody awaits this task: whatever happens, it must go on.
            logger.exception("following the Services of namespace %s failed", self._namespace)
            return "an error of our own"
        return ""

    async def _list(self) -> None:
        listing = await self._cluster.list_services(self._namespace)
        self._table.replace(listing.items)
        self._version = listing.version
        self.synced = True
        self._publish()

    async def _watch(self) -> None:
        """Follow one watch to its end. Raises Unreachable if it ends before it tells anything."""
        seconds = round(WATCH_SECONDS * random.uniform(0.9, 1.0))  # noqa: S311 - spreads the load
        async with self._cluster.watch_services(self._namespace, self._version, seconds) as lines:
            self._stale_since = None
            begun = time.monotonic()
            settling = asyncio.get_running_loop().call_later(SETTLED_SECONDS, self._settle)
            try:
                async for line in lines:
                    self._take(read_event(line, self._namespace))
            finally:
                settling.cancel()
        if time.monotonic() - begun < SETTLED_SECONDS:
            raise Unreachable("the API server ends each watch at once")

    def _take(self, event: Event) -> None:
        match event.kind:
            case "ADDED" | "MODIFIED":
                self._table.put(event.item)
            case "DELETED":
                self._table.remove(event.item)
        self._version = event.version
        self._hear()
        self._publish()

    def _publish(self) -> None:
        services = self._table.services
        if services != self.services:
            self.services = services
            self._on_change()

    def _settle(self) -> None:
        self._may_relist = True
        self._hear()

    def _hear(self) -> None:
        self._backoff.reset()
        if self._lost:
            self._lost = False
            logger.info("the Services of namespace %s are followed again", self._namespace)

    def _fail(self, reason: str) -> None:
        if self._stale_since is None:
            self._stale_since = time.monotonic()
        # A watch that breaks is an every-day matter; one that cannot be begun again is not.
        if not self._lost and (self._backoff.failures or not self.synced):
            self._lost = True
            logger.warning(
                "the Services of namespace %s are not followed: %s", self._namespace, reason
            )
