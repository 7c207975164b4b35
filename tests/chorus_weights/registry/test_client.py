"""What MLflow's client raises, in one line each, without a key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chorus_weights.errors import RegistryError, RegistryUnreachable
from chorus_weights.registry.client import client
from chorus_weights.registry.resolve import resolve
from chorus_weights.registry.uri import parse


class Answering(BaseHTTPRequestHandler):
    """Answers everything with the status that the server was made with."""

    server: Stubborn

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *about: object) -> None:
        """Nothing."""


class Stubborn(ThreadingHTTPServer):
    status = 200


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubborn]:
    with Stubborn(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://somebody:secret@127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (401, RegistryError, "MLflow at {} refuses models:/topics/1 (401); set MLFLOW_TRACKING_"),
        (403, RegistryError, "MLflow at {} refuses models:/topics/1 (403); set MLFLOW_TRACKING_"),
        (404, RegistryError, "what answers at {} is no MLflow; correct MLFLOW_TRACKING_URI"),
        (503, RegistryUnreachable, "MLflow at {} does not answer whole"),
        (200, RegistryError, "MLflow at {} does not give models:/topics/1"),
    ],
)
def test_a_status_is_one_line(
    stubborn: Stubborn, status: int, kind: type[RegistryError], reason: str
) -> None:
    stubborn.status = status
    uri = parse("models:/topics/1")
    assert uri
    with pytest.raises(RegistryError) as refused:
        resolve(client(), uri)
    line = str(refused.value)
    assert type(refused.value) is kind, line
    assert line.startswith(reason.format(f"127.0.0.1:{stubborn.server_address[1]}"))
    assert "secret" not in line


def test_nobody_is_asked_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RegistryError, match="set MLFLOW_TRACKING_URI to the address"):
        client()


def test_without_mlflow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chorus_weights.registry.client.is_installed", lambda: False)
    with pytest.raises(RegistryError, match=r"pip install -r requirements-mlflow\.txt"):
        client()
