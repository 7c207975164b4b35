"""T21 on the V2 port: who comes while the line is full is refused before the body is read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from tests.conftest import Launch, Runtime
from tests.live.callers import clients_of, until
from tests.live.protocol import request, rest_path, tensor

from .conftest import FAULTY

IN_FLIGHT = "chorus_engine_texts_in_flight"
BOUNDS = {"CHORUS_MAX_WAITING_TEXTS": "2", "CHORUS_MAX_WAITING_SECONDS": "0.01"}
# The body never comes.
HEAD = (
    f"POST {rest_path('left')} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    "content-length: 100\r\n\r\n"
).encode()


@pytest.fixture
def narrow(launch: Launch) -> Iterator[Runtime]:
    """Two texts may wait."""
    server = launch(FAULTY, "--models", "left", environment=BOUNDS).wait_until_ready("left")
    yield server
    assert server.terminate() == 0, server.log


def answer_to_head(server: Runtime) -> bytes:
    with socket.create_connection(("127.0.0.1", server.ports.http), timeout=5) as caller:
        caller.sendall(HEAD)
        answer = b""
        while not answer.endswith(b"}"):
            arrived = caller.recv(65536)
            assert arrived, answer
            answer += arrived
        return answer


async def test_t21_a_full_line_refuses_before_the_body_comes(narrow: Runtime) -> None:
    def ask(clients: object, text: str) -> asyncio.Task[object]:
        return asyncio.ensure_future(clients.grpc(request(tensor([text])), "left"))  # type: ignore[attr-defined]

    async with clients_of(narrow) as clients:
        await ask(clients, "sleep:0.2")  # now the pace is known
        work = ask(clients, "sleep:4")
        await until(lambda: narrow.metric(IN_FLIGHT) == 1, "the device at work")
        waiting = [ask(clients, f"waits {n}") for n in range(2)]
        await until(lambda: narrow.metric(IN_FLIGHT) == 3, "a full line")
        answer = await asyncio.to_thread(answer_to_head, narrow)
        await asyncio.gather(work, *waiting)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"\r\nretry-after: " in answer.lower()
    assert b'{"error":' in answer
