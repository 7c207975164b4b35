"""The router of the Seldon road, in a real nginx: the path's model becomes the mesh's header."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import free_port
from tests.k8s.rendering import K8S

CONFIG = K8S / "seldon-core-2" / "nginx.conf"


class Mesh(BaseHTTPRequestHandler):
    """Answers with what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.send_header("x-seen", f"{self.headers['seldon-model']} {self.path}")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the shipped router, on a port and before a mesh of this test."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if nginx is None:
        pytest.skip("nginx is missing: the router of k8s/seldon-core-2 is not tested")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Mesh) as mesh:
        threading.Thread(target=mesh.serve_forever, daemon=True).start()
        process = subprocess.Popen(
            [nginx, "-c", str(_config(folder, port, mesh.server_address[1])), "-g", "daemon off;"]
        )
        try:
            _wait(f"http://127.0.0.1:{port}/v2/repository/index", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)
            mesh.shutdown()


def _config(folder: Path, port: int, mesh: int) -> Path:
    text = CONFIG.read_text()
    for shipped, ours in [
        ("127.0.0.1:8080", f"127.0.0.1:{port}"),
        ("seldon-mesh:80", f"127.0.0.1:{mesh}"),
        (" /tmp/", f" {folder}/"),
    ]:
        assert shipped in text
        text = text.replace(shipped, ours)
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            httpx.get(url)
        except httpx.TransportError:
            continue
        return
    pytest.fail("nginx does not take the shipped settings")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/models/cardiffnlp/infer"),
        ("POST", "/v2/models/cardiffnlp/versions/2/infer"),
        ("GET", "/v2/models/cardiffnlp/ready"),
        ("GET", "/v2/models/cardiffnlp"),
        ("POST", "/v2/models/cardiffnlp/generate_stream"),
    ],
)
def test_the_model_of_the_path_is_named_in_the_header(router: str, method: str, path: str) -> None:
    reply = httpx.request(method, f"{router}{path}", headers={"seldon-model": "another"})

    assert reply.headers["x-seen"] == f"cardiffnlp {path}"


def test_nothing_else_gets_to_the_mesh(router: str) -> None:
    assert httpx.post(f"{router}/v2/repository/models/cardiffnlp/unload").status_code == 404
    assert httpx.post(f"{router}/v2/repository/index").json() == []
