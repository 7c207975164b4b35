"""The cluster's servers, followed for as long as the gateway runs; nothing outside of a cluster."""

import logging
import os
from collections.abc import Mapping, Sequence

from chorus_discovery.account import in_cluster
from chorus_discovery.directory import Directory
from chorus_discovery.errors import KubernetesMissing, NotInCluster
from chorus_discovery.services import Service
from chorus_gateway.discovery.models import Listing, Models
from chorus_gateway.discovery.servers import Servers

logger = logging.getLogger(__name__)


class Following:
    """Keeps `servers` as the cluster says that they are, in our namespace and in `namespaces`."""

    def __init__(self, servers: Servers, ask: Listing, namespaces: Sequence[str]) -> None:
        self._servers = servers
        self._models = Models(servers, ask)
        self._namespaces = namespaces
        self._directory: Directory | None = None
        self._own_namespace = ""

    @property
    def synced(self) -> bool:
        """Whether the list of servers has come once; outside of a cluster there is none to come."""
        return self._directory is None or self._directory.synced

    @property
    def stale_seconds(self) -> float:
        """For how long nothing has been heard of the cluster; the last list holds meanwhile."""
        return self._directory.stale_seconds if self._directory else 0.0

    async def open(self) -> None:
        """Start to follow, if this is a cluster."""
        try:
            cluster = in_cluster()
        except NotInCluster as error:
            if "KUBERNETES_SERVICE_HOST" in os.environ:
                logger.info("no servers of a cluster are followed: %s", error)
            return
        except KubernetesMissing as error:
            logger.warning("the servers of this cluster are not followed: %s", error)
            return
        self._own_namespace = cluster.namespace
        self._directory = Directory(cluster, self._namespaces, self._changed)
        await self._directory.open()

    async def close(self) -> None:
        """Follow no more."""
        if self._directory:
            await self._directory.close()
        await self._models.close()

    def _changed(self, services: Mapping[str, Service]) -> None:
        self._servers.replace(services, self._own_namespace)
        self._models.follow()
