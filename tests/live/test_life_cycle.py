"""Start and stop on real weights, each in a process of its own."""

from __future__ import annotations

import asyncio
import functools
import json
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from tests.conftest import FAULTY, Launch, Ports, Runtime, unexpected
from tests.live.callers import clients_of
from tests.live.folders import models_folder
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Rest, message, request, rest_answer, rest_path, tensor

MODEL = "svalabs"
WEIGHTS_OF_THE_FOLDER = {"CHORUS_WEIGHTS": "standin"}


@dataclass
class Load:
    """Callers who ask again once they are answered, until they are told to close or find it closed.

    A caller who opens connection after connection may always meet the very moment in which the
    port is closed; the protocol's way not to is to heed `Connection: close`.
    """

    answered: int = 0
    wrong: list[str] = field(default_factory=list)

    async def keep_asking(self, ask: Callable[[str], Awaitable[tuple[Any, bool]]]) -> None:
        number = 0
        while True:
            text = TEXTS[number % len(TEXTS)]
            try:
                row, told_to_close = await ask(text)
            except PortClosed:
                return
            except Exception as error:
                self.wrong.append(repr(error))
                return
            assert_right([row], MODEL, text)
            self.answered += 1
            if told_to_close:
                return
            number += 1


class PortClosed(Exception):
    """The connection or the call was refused: this request was never begun."""


async def ask_rest(client: httpx.AsyncClient, text: str) -> tuple[Any, bool]:
    try:
        response = await client.post(rest_path(MODEL), json=request(tensor([text])))
    except httpx.ConnectError:
        raise PortClosed from None
    (row,) = rest_answer(response.status_code, response.json()).results
    return row, response.headers.get("connection") == "close"


async def ask_grpc(stub: Any, text: str) -> tuple[Any, bool]:
    try:
        response = await stub.ModelInfer(message(request(tensor([text])), MODEL), timeout=30)
    except grpc.aio.AioRpcError as error:
        details = error.details() or ""
        if error.code() is grpc.StatusCode.UNAVAILABLE and (
            "refused" in details or "shutting down" in details
        ):
            raise PortClosed from None
        raise
    return json.loads(response.outputs[0].contents.bytes_contents[0]), False


@dataclass
class Stop:
    """What a server did when it was asked to stop in the middle of its work."""

    server: Runtime
    rest: Load = field(default_factory=Load)
    grpc: Load = field(default_factory=Load)
    exit_code: int | None = None

    async def under_load(self) -> None:
        """Eight callers on keep-alive connections and two over gRPC; SIGTERM; the end."""
        async with (
            clients_of(self.server) as clients,
            httpx.AsyncClient(base_url=self.server.url, timeout=30) as client,
        ):
            ask = functools.partial(ask_rest, client)
            call = functools.partial(ask_grpc, clients.stub)
            callers = [
                *(asyncio.create_task(self.rest.keep_asking(ask)) for _ in range(8)),
                *(asyncio.create_task(self.grpc.keep_asking(call)) for _ in range(2)),
            ]
            while min(self.rest.answered, self.grpc.answered) < 50:
                assert not self.rest.wrong + self.grpc.wrong
                await asyncio.sleep(0.01)
            self.server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(asyncio.gather(*callers), 30)
            self.exit_code = await asyncio.to_thread(self.server.exit_code, 30)


@pytest.fixture(scope="module")
def stop(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Stop:
    root = models_folder(tmp_path_factory.mktemp("stop") / "models", MODEL)
    made = Stop(launch(root, environment=WEIGHTS_OF_THE_FOLDER).wait_until_ready(MODEL))
    asyncio.run(made.under_load())
    return made


def test_t27_sigterm_under_load_ends_well(stop: Stop) -> None:
    assert stop.exit_code == 0, stop.server.log
    assert not unexpected(stop.server.log)


def test_t27_sigterm_under_load_answers_every_grpc_call(stop: Stop) -> None:
    assert stop.grpc.wrong == []


def test_t27_sigterm_under_load_answers_every_http_request(stop: Stop) -> None:
    assert stop.rest.wrong == []


def test_ports_are_free_again(stop: Stop, launch: Launch) -> None:
    again = launch(FAULTY, "--models", "left", ports=stop.server.ports).wait_until_ready("left")
    with httpx.Client(base_url=again.url, timeout=30) as client:
        assert Rest(client).infer(request(tensor([TEXTS[0]])), "left").status == 200
    assert again.terminate() == 0, again.log


@pytest.mark.slow
def test_stock_command_serves_too(launch: Launch, tmp_path: Path) -> None:
    """`mlserver start models`, without our launcher."""
    root = models_folder(tmp_path / "models", MODEL)
    ports = Ports()
    server = launch(
        ports=ports,
        command=["mlserver.cli.main", "start", str(root)],
        environment=WEIGHTS_OF_THE_FOLDER | ports.environment(),
    ).wait_until_ready(MODEL)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        (row,) = Rest(client).infer(request(tensor([TEXTS[0]])), MODEL).results
        assert_right([row], MODEL, TEXTS[0])
        assert Rest(client).infer(request(tensor(["a"], shape=[2])), MODEL).status == 400
    assert server.terminate() == 0, server.log
