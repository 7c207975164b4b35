"""All namespaces that are followed, as one directory of model servers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from chorus_discovery.cluster import Cluster
from chorus_discovery.follower import Follower
from chorus_discovery.services import Service

OnChange = Callable[[Mapping[str, Service]], None]


class Directory:
    """The model servers of the cluster's own namespace, and of `namespaces` beside it.

    `on_change` is called in the event loop with all of them after each change. The directory owns
    the cluster: closing it closes the connection.
    """

    def __init__(self, cluster: Cluster, namespaces: Sequence[str], on_change: OnChange) -> None:
        self._cluster = cluster
        self._on_change = on_change
        followed = dict.fromkeys([cluster.namespace, *namespaces])
        self._followers = [Follower(cluster, name, self._changed) for name in followed]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def services(self) -> Mapping[str, Service]:
        """Every model server that was found, by its key."""
        return {
            key: service
            for follower in self._followers
            for key, service in follower.services.items()
        }

    @property
    def synced(self) -> bool:
        """Whether each namespace was listed once."""
        return all(follower.synced for follower in self._followers)

    @property
    def stale_seconds(self) -> float:
        """For how long changes have not been heard of; 0 while every watch is live."""
        return max(follower.stale_seconds for follower in self._followers)

    async def open(self) -> None:
        """Begin to follow; returns before anything is listed."""
        self._tasks = [asyncio.create_task(follower.run()) for follower in self._followers]

    async def close(self) -> None:
        """End to follow, and close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cluster.close()

    def _changed(self) -> None:
        self._on_change(self.services)
