"""What the API server answers, as this project's own errors; and a connection that is watched."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.apiserver.certificates import server_context
from tests.apiserver.server import ApiServer
from tests.chorus_discovery.conftest import connect, variables
from tests.chorus_discovery.objects import service

from chorus_discovery.account import in_cluster
from chorus_discovery.cluster import Cluster, read_event
from chorus_discovery.errors import ApiServerError, Denied, Gone, Unreachable

KEEPALIVE_TIMER = "02"  # of /proc/net/tcp


@pytest.fixture
async def cluster(server: ApiServer) -> AsyncIterator[Cluster]:
    one = connect(server)
    yield one
    await one.close()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, Denied, "does not know the account that is to list services in namespace chorus"),
        (403, Denied, "may not list services in namespace chorus"),
        (410, Gone, "410"),
        (429, ApiServerError, "429"),
        (500, ApiServerError, "500"),
    ],
)
async def test_statuses(
    server: ApiServer, cluster: Cluster, status: int, error: type[ApiServerError], words: str
) -> None:
    server.faults.status(status)
    with pytest.raises(error, match=words):
        await cluster.list_services("chorus")


async def test_an_unknown_token(server: ApiServer) -> None:
    folder = server.account_folder("chorus", "chorus")
    cluster = connect(server, folder)
    server.revoke((folder / "token").read_text())
    with pytest.raises(Denied, match="401"):
        await cluster.list_services("chorus")
    (folder / "token").unlink()
    with pytest.raises(Unreachable, match="token cannot be read"):
        await cluster.list_services("chorus")
    await cluster.close()


async def test_no_answer(server: ApiServer, cluster: Cluster) -> None:
    server.faults.refuse_connections(times=2)  # the client tries twice
    with pytest.raises(Unreachable):
        await cluster.list_services("chorus")
    server.stop()
    with pytest.raises(Unreachable, match="cannot be reached: ClientConnectorError"):
        await cluster.list_services("chorus")
    server.start()


async def test_a_server_that_is_silent(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chorus_discovery.cluster.ANSWER_SECONDS", 0.2)
    folder = server.account_folder("chorus", "chorus")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        cluster = in_cluster(folder, variables(server) | {"KUBERNETES_SERVICE_PORT": port})
        with pytest.raises(Unreachable, match="does not answer"):
            await cluster.list_services("chorus")
        with pytest.raises(Unreachable, match="does not answer"):
            async with cluster.watch_services("chorus", "1", 60):
                pass
        await cluster.close()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"\xff"])
async def test_what_is_no_api_server(server: ApiServer, tmp_path: Path, body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    context = server_context(tmp_path, ["127.0.0.1"])
    folder = server.account_folder("chorus", "chorus")
    (folder / "ca.crt").write_text((tmp_path / "ca.crt").read_text())
    async with await asyncio.start_server(answer, "127.0.0.1", ssl=context) as other:
        port = str(other.sockets[0].getsockname()[1])
        cluster = in_cluster(folder, variables(server) | {"KUBERNETES_SERVICE_PORT": port})
        with pytest.raises(Unreachable, match="no API server"):
            await cluster.list_services("chorus")
        await cluster.close()


async def test_a_server_of_another_authority(server: ApiServer, tmp_path: Path) -> None:
    folder = server.account_folder("chorus", "chorus")
    with ApiServer(folder=tmp_path / "other") as other:
        (folder / "ca.crt").write_text(other.ca_file.read_text())
        cluster = connect(server, folder)
        with pytest.raises(Unreachable, match="Certificate"):
            await cluster.list_services("chorus")
        await cluster.close()
    assert not [one for one in server.requests if one.verb == "list"]


async def test_a_watch_is_told_of_each_change(server: ApiServer, cluster: Cluster) -> None:
    version = (await cluster.list_services("chorus")).version
    server.put(service("scorer"))
    async with cluster.watch_services("chorus", version, 60) as lines:
        async for line in lines:
            event = read_event(line, "chorus")
            break
    assert event.kind == "ADDED"
    assert event.item["metadata"]["name"] == "scorer"
    assert int(event.version) > int(version)


@pytest.mark.parametrize("line", [b"", b"\n", b"{", b"[]", b"null", b"{}", b'{"type": "ADDED"}'])
def test_half_an_event(line: bytes) -> None:
    with pytest.raises(Unreachable, match="broke off"):
        read_event(line, "chorus")


def test_an_event_may_be_an_error() -> None:
    with pytest.raises(Gone):
        read_event(b'{"type": "ERROR", "object": {"kind": "Status", "code": 410}}', "chorus")
    with pytest.raises(ApiServerError, match="500"):
        read_event(b'{"type": "ERROR", "object": {"kind": "Status", "code": 500}}', "chorus")


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's table of connections")
async def test_the_kernel_watches_over_a_silent_connection(
    server: ApiServer, cluster: Cluster
) -> None:
    version = (await cluster.list_services("chorus")).version
    port = urlsplit(server.url).port
    async with cluster.watch_services("chorus", version, 60):
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        timers = {
            row[5].partition(":")[0]
            for row in rows
            if int(row[2].partition(":")[2], 16) == port and row[3] == "01"
        }
    assert timers == {KEEPALIVE_TIMER}
