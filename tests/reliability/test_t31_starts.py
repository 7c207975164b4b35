"""T31: a start that cannot succeed ends in one clear line; what is served has no odd routes."""

from __future__ import annotations

import inspect
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, params
from fastapi.routing import APIRoute
from mlserver.rest.app import create_app
from mlserver.settings import Settings
from starlette.endpoints import HTTPEndpoint
from starlette.responses import FileResponse
from starlette.routing import Route
from tests.conftest import MODELS, Launch, Ports, Runtime, unexpected
from tests.live.folders import models_folder
from tests.reliability.conftest import FAULTY

MODEL = "svalabs"
STANDIN = {"CHORUS_WEIGHTS": "standin"}


def settings_of(root: Path) -> Path:
    return root / MODEL / "model-settings.json"


def change_settings(root: Path, **changed: Any) -> None:
    path = settings_of(root)
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


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
    """Which port is another server's."""
    variables: dict[str, str] = field(default_factory=dict)


FAILING = {
    "weights missing": Start(MODEL, without_weights),
    "weights cut off": Start(MODEL, with_weights_cut_off),
    "model settings broken": Start(
        "model-settings.json", lambda root: settings_of(root).write_text('{"name": ')
    ),
    "option of a model unknown": Start(
        "parameters.extra.standing",
        lambda root: change_settings(root, parameters={"extra": {"standing": "x"}}),
    ),
    "class unknown": Start(
        MODEL, lambda root: change_settings(root, implementation="mlserver_chorus.Nothing")
    ),
    "module unknown": Start(
        MODEL, lambda root: change_settings(root, implementation="no_such_module.Classifier")
    ),
    "name unknown": Start("nobody", arguments=("--models", f"{MODEL},nobody")),
    "member not served": Start("process", with_only_the_ensemble),
    "HTTP port taken": Start("http", taken="http"),
    "gRPC port taken": Start("grpc", taken="grpc"),
    "metrics port taken": Start("metrics", taken="metrics"),
    "port out of range": Start("99999", arguments=("--http-port", "99999")),
    "one port for two servers": Start(
        "28280", arguments=("--http-port", "28280", "--grpc-port", "28280")
    ),
    "server settings broken": Start(
        "settings.json", lambda root: (root / "settings.json").write_text('{"debug": ')
    ),
    "variable of another type": Start("CHORUS_WATCHDOG", variables={"CHORUS_WATCHDOG": "soon"}),
    "variable out of range": Start("CHORUS_MAX_TEXTS", variables={"CHORUS_MAX_TEXTS": "0"}),
    "no models": Start("models", lambda root: shutil.rmtree(root / MODEL)),
}


def started(launch: Launch, start: Start, folder: Path, other: Runtime) -> Runtime:
    root = models_folder(folder / "models", MODEL)
    start.spoil(root)
    ports = Ports(**{start.taken: getattr(other.ports, start.taken)} if start.taken else {})
    environment = STANDIN | start.variables
    return launch(root, *start.arguments, ports=ports, environment=environment)


def assert_told(start: Start, server: Runtime, other: Runtime) -> None:
    assert server.exit_code(60) == 1
    lines = [said for said in server.stderr.splitlines() if said.startswith("chorus:")]
    assert len(lines) == 1, server.log
    (line,) = lines
    named = str(getattr(other.ports, start.taken)) if start.taken else start.named
    assert named in line
    assert server.stderr.rstrip().endswith(line), "the last word"
    assert not unexpected(server.log)
    assert "are ready" not in server.log


@pytest.fixture(scope="module")
def starts(
    launch: Launch, faulty: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Runtime]:
    """All of them at once, for most of a start is imports."""
    base = tmp_path_factory.mktemp("starts")
    return {
        name: started(launch, start, base / str(number), faulty)
        for number, (name, start) in enumerate(FAILING.items())
    }


@pytest.mark.parametrize("name", FAILING)
def test_t31_a_failing_start_says_why_in_one_line(
    starts: dict[str, Runtime], faulty: Runtime, name: str
) -> None:
    assert_told(FAILING[name], starts[name], faulty)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILING)
def test_t31_a_failing_start_is_quick(
    launch: Launch, faulty: Runtime, tmp_path: Path, name: str
) -> None:
    begun = time.monotonic()
    server = started(launch, FAILING[name], tmp_path, faulty)
    server.exit_code(60)
    seconds = time.monotonic() - begun
    assert_told(FAILING[name], server, faulty)
    print(f"{name}: {seconds:.1f} s")  # noqa: T201


@pytest.mark.parametrize("shared", ["http", "grpc"])
def test_t31_of_two_that_start_at_once_on_a_port_one_serves(launch: Launch, shared: str) -> None:
    first = Ports()
    second = Ports(**{shared: getattr(first, shared)})
    servers = [launch(FAULTY, "--models", "left", ports=ports) for ports in (first, second)]
    while not (ended := [server for server in servers if server.process.poll() is not None]):
        time.sleep(0.05)
    (loser,) = ended
    (winner,) = (server for server in servers if server is not loser)
    winner.wait_until_ready("left")
    assert loser.exit_code() == 1
    last = loser.stderr.splitlines()[-1]
    assert last.startswith(f"chorus: port {getattr(first, shared)} on 127.0.0.1")
    assert not unexpected(loser.log)
    assert winner.terminate() == 0, winner.log


# ---------------------------------------------------------------------------------- routes


@pytest.fixture(scope="module")
def app() -> FastAPI:
    made: Any = create_app
    served: FastAPI = made(Settings(debug=False), None, None)
    return served


def test_t31_no_route_parses_forms_or_sends_files(app: FastAPI) -> None:
    """Where the published holes of the framework were."""
    assert app.routes
    for route in app.routes:
        assert isinstance(route, Route), f"{route} mounts an application"
        assert not (inspect.isclass(route.endpoint) and issubclass(route.endpoint, HTTPEndpoint))
        if isinstance(route, APIRoute):
            fields = [param.field_info for param in route.dependant.body_params]
            assert not [one for one in fields if isinstance(one, params.Form)], route.path
            assert route.response_class is not FileResponse


def test_t31_a_long_range_costs_nothing(faulty: Runtime) -> None:
    ranges = "bytes=" + ",".join(f"{n}-{n}" for n in range(6500))
    assert len(ranges) > 60_000
    begun = time.monotonic()
    answer = httpx.get(f"{faulty.url}/v2/docs", headers={"range": ranges})
    assert answer.status_code in (200, 431)
    assert time.monotonic() - begun < 2
