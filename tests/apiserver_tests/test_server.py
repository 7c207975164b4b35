"""The server as a process's neighbour: certificates, credentials, `python -m tests.apiserver`."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import SECONDS, SERVICES, Connect, service
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "apiserver.test", "10.1.2.3"])
def test_the_certificate_is_for_every_name(tmp_path: Path, name: str) -> None:
    names = ["apiserver.test", "10.1.2.3"]
    with ApiServer(folder=tmp_path, port=free_port(), names=names) as server:
        port = int(server.url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(server.ca_file))
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            assert secure.getpeercert()


def test_no_other_name_and_no_other_authority(server: ApiServer) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(server.url)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    port = int(server.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        context.wrap_socket(plain, server_hostname="elsewhere.test")


def test_the_folder_of_an_account_rotates(server: ApiServer, connect: Connect) -> None:
    folder = server.account_folder("shop", "gateway")
    first = (folder / "token").read_text()
    assert (folder / "namespace").read_text() == "shop"
    assert (folder / "ca.crt").read_bytes() == server.ca_file.read_bytes()
    assert server.account_folder("shop", "gateway") == folder
    second = (folder / "token").read_text()
    assert first != second
    server.revoke(first)
    assert connect(first).get("/version").status_code == 401
    assert connect(second).get("/version").status_code == 200
    assert {path.name for path in folder.iterdir()} == {"token", "ca.crt", "namespace"}


def test_secrets_are_the_owners_alone(server: ApiServer) -> None:
    files = [server.kubeconfig(), server.account_folder("shop", "gateway") / "token"]
    files.append(server.ca_file.with_name("server.key"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


async def test_from_a_running_event_loop(server: ApiServer) -> None:
    server.put(service("a"))
    context = ssl.create_default_context(cafile=str(server.ca_file))
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    async with httpx.AsyncClient(verify=context, headers=headers, timeout=SECONDS) as client:
        answers = await asyncio.gather(*(client.get(server.url + SERVICES) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}


def test_a_port_that_is_taken_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="address already in use"),
        ApiServer(folder=tmp_path, port=taken.getsockname()[1]),
    ):
        pytest.fail("it has started")


def test_as_a_program(tmp_path: Path) -> None:
    options = ["--folder", str(tmp_path), "--account", "shop/g"]
    command = [sys.executable, "-m", "tests.apiserver", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        config = yaml.safe_load(Path(process.stdout.readline().strip()).read_text())
        cluster = config["clusters"][0]["cluster"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        for token, status in (
            (config["users"][0]["user"]["token"], 200),
            ((tmp_path / "accounts" / "shop" / "g" / "token").read_text(), 403),
        ):
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(verify=context, headers=headers, timeout=SECONDS) as client:
                assert client.get(cluster["server"] + SERVICES).status_code == status
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
