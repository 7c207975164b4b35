"""A real API server's answers over TLS, and what a pod of the namespace `chorus` connects with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.apiserver.server import ApiServer
from tests.chorus_discovery.objects import permission

from chorus_discovery.account import in_cluster
from chorus_discovery.cluster import Cluster
from chorus_discovery.directory import Directory

NAMESPACE = "chorus"
DEADLINE_SECONDS = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server where the account of the gateway may do what the Role says, no more."""
    with ApiServer(folder=tmp_path / "apiserver") as running:
        allow(running, NAMESPACE)
        yield running


def allow(server: ApiServer, namespace: str) -> None:
    """Let the gateway's account follow the Services of a namespace."""
    for item in permission(namespace, NAMESPACE):
        server.put(item)


def connect(server: ApiServer, folder: Path | None = None) -> Cluster:
    """Connect as a pod does: by the files of its account and two variables."""
    return in_cluster(folder or server.account_folder(NAMESPACE, "chorus"), variables(server))


def variables(server: ApiServer) -> dict[str, str]:
    """What every container of a cluster has in its environment."""
    where = urlsplit(server.url)
    return {
        "KUBERNETES_SERVICE_HOST": str(where.hostname),
        "KUBERNETES_SERVICE_PORT": str(where.port),
    }


@asynccontextmanager
async def following(server: ApiServer, *namespaces: str) -> AsyncIterator[Directory]:
    """A directory that is open, and has listed every namespace that it may."""
    directory = Directory(connect(server), namespaces, lambda _: None)
    await directory.open()
    try:
        yield directory
    finally:
        await directory.close()


async def until(true: Callable[[], object]) -> None:
    """Return once it is so."""
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < give_up, "it did not come to pass"
        await asyncio.sleep(0.01)


def asked(server: ApiServer, verb: str | None = None) -> list[tuple[str, int]]:
    """Verb and status of each request for Services."""
    return [
        (one.verb, one.status)
        for one in server.requests
        if one.resource == "services" and verb in (None, one.verb)
    ]
