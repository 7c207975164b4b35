"""An API server for each test: it is up within milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import Client, Connect


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(folder=tmp_path / "apiserver") as server:
        yield server


@pytest.fixture
def connect(server: ApiServer) -> Iterator[Connect]:
    """Clients by their tokens; the administrator's without one."""
    with ExitStack() as clients:

        def made(token: str | None = None) -> Client:
            client = Client(server, token)
            clients.enter_context(client.http)
            return client

        yield made


@pytest.fixture
def client(connect: Connect) -> Client:
    """The administrator's."""
    return connect()
