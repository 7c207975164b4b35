"""Start, stop and everything that can be wrong with a start, each in a process of its own."""

from __future__ import annotations

import asyncio
import functools
import json
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from tests.conftest import MODELS, Launch, Ports, Runtime, checkpoint
from tests.live.callers import clients_of
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Rest, message, request, rest_answer, rest_path, tensor

MODEL = "svalabs"
WEIGHTS_OF_THE_FOLDER = {"CHORUS_WEIGHTS": "standin"}


def models_folder(root: Path, *models: str) -> Path:
    """A folder of models like the repository's, with the weights linked into it."""
    root.mkdir(parents=True)
    shutil.copy(MODELS / "settings.json", root)
    for model in models:
        (root / model).mkdir()
        shutil.copy(MODELS / model / "model-settings.json", root / model)
        if checkpoint(model).is_dir():
            (root / model / "standin").symlink_to(checkpoint(model))
    return root


# ------------------------------------------------------------------------------ stopping


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


def test_sigterm_under_load_ends_well(stop: Stop) -> None:
    assert stop.exit_code == 0, stop.server.log
    assert "Traceback" not in stop.server.log


def test_sigterm_under_load_answers_every_grpc_call(stop: Stop) -> None:
    assert stop.grpc.wrong == []


def test_sigterm_under_load_answers_every_http_request(stop: Stop) -> None:
    assert stop.rest.wrong == []


def test_ports_are_free_again(stop: Stop, launch: Launch, tmp_path: Path) -> None:
    root = models_folder(tmp_path / "models", MODEL)
    again = launch(root, ports=stop.server.ports, environment=WEIGHTS_OF_THE_FOLDER)
    again.wait_until_ready(MODEL)
    with httpx.Client(base_url=again.url, timeout=30) as client:
        (row,) = Rest(client).infer(request(tensor([TEXTS[0]])), MODEL).results
        assert_right([row], MODEL, TEXTS[0])
    assert again.terminate() == 0, again.log


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


# ------------------------------------------------------------------------ failing to start


def settings_of(root: Path) -> Path:
    return root / MODEL / "model-settings.json"


def set_implementation(root: Path, implementation: str) -> None:
    path = settings_of(root)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"implementation": implementation}))


def without_weights(root: Path) -> None:
    (root / MODEL / "standin").unlink()


def with_weights_cut_off(root: Path) -> None:
    source = (root / MODEL / "standin").resolve()
    without_weights(root)
    shutil.copytree(source, root / MODEL / "standin")
    weights = root / MODEL / "standin" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def with_only_the_ensemble(root: Path) -> None:
    shutil.rmtree(root / MODEL)
    (root / "process").mkdir()
    shutil.copy(MODELS / "process" / "model-settings.json", root / "process")


@dataclass(frozen=True)
class Start:
    """A start that must fail: what is wrong, and what the one line must name."""

    named: str
    spoil: Callable[[Path], object] = lambda root: None
    arguments: tuple[str, ...] = ()
    taken: str | None = None
    """Which port is the shared server's."""


FAILING = {
    "weights missing": Start(MODEL, without_weights),
    "weights cut off": Start(MODEL, with_weights_cut_off),
    "model settings broken": Start(
        "model-settings.json", lambda root: settings_of(root).write_text('{"name": ')
    ),
    "class unknown": Start(
        MODEL,
        lambda root: set_implementation(root, "mlserver_chorus.Nothing"),
    ),
    "module unknown": Start(
        MODEL,
        lambda root: set_implementation(root, "no_such_module.Classifier"),
    ),
    "name unknown": Start("nobody", arguments=("--models", f"{MODEL},nobody")),
    "member not served": Start("process", with_only_the_ensemble),
    "HTTP port taken": Start("http", taken="http"),
    "gRPC port taken": Start("grpc", taken="grpc"),
    "port out of range": Start("99999", arguments=("--http-port", "99999")),
    "one port for two servers": Start(
        "28280",
        arguments=("--http-port", "28280", "--grpc-port", "28280"),
    ),
    "server settings broken": Start(
        "settings.json",
        lambda root: (root / "settings.json").write_text('{"debug": '),
    ),
    "no models": Start("models", lambda root: shutil.rmtree(root / MODEL)),
}


@pytest.fixture(scope="module")
def starts(
    launch: Launch, runtime: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Runtime]]:
    """All of them at once, for most of a start is imports."""
    base = tmp_path_factory.mktemp("starts")
    started = {}
    for number, (name, start) in enumerate(FAILING.items()):
        root = models_folder(base / str(number) / "models", MODEL)
        start.spoil(root)
        ports = Ports(**{start.taken: getattr(runtime.ports, start.taken)} if start.taken else {})
        started[name] = launch(
            root, *start.arguments, ports=ports, environment=WEIGHTS_OF_THE_FOLDER
        )
    yield started
    for server in started.values():
        server.end()


@pytest.mark.parametrize("name", FAILING)
def test_failing_start_says_why_in_one_line(
    starts: dict[str, Runtime], runtime: Runtime, name: str
) -> None:
    start, server = FAILING[name], starts[name]
    assert server.exit_code(60) == 1
    lines = [said for said in server.stderr.splitlines() if said.startswith("chorus:")]
    assert len(lines) == 1, server.log
    (line,) = lines
    named = str(getattr(runtime.ports, start.taken)) if start.taken else start.named
    assert named in line
    assert server.stderr.rstrip().endswith(line), "the last word"
    assert "Traceback" not in server.log
