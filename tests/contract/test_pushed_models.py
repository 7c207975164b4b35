"""Seldon Core 2: a server that starts with nothing, and whose models come and go."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from tests.conftest import Launch, Runtime, unexpected
from tests.contract.agent import Agent, Control, checkpoint
from tests.contract.callers import Callers, callers_of
from tests.contract.starts import wait_until_ready, without_models

NAMES = ["a.b-c_1", "模型 é😜", "name:1+2%", "{x}#?@", "n" * 200]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    """Whose folder is not there yet when the server starts."""
    folder = tmp_path_factory.mktemp("agent")
    return Agent(checkpoint(folder / "stored"), folder / "models")


@pytest.fixture(scope="module")
def server(launch: Launch, agent: Agent) -> Iterator[Runtime]:
    started = without_models(launch, agent.models, MLSERVER_PARALLEL_WORKERS="1")
    yield wait_until_ready(started)
    assert started.terminate() == 0, started.log


@pytest.fixture(scope="module")
def callers(server: Runtime) -> Iterator[Callers]:
    with callers_of(server) as opened:
        yield opened


@pytest.fixture(params=[0, 1], ids=["REST", "gRPC"])
def control(request: pytest.FixtureRequest, callers: Callers) -> Control:
    """Either repository API."""
    number: int = request.param
    return callers.controls[number]


@contextmanager
def pushed(agent: Agent, control: Control, *names: str) -> Iterator[None]:
    """Models that are there and loaded for the length of a test."""
    for name in names:
        agent.push(name)
        assert control.load(name) == 200
    yield
    for name in names:
        assert control.unload(name) in (200, 404)
        agent.remove(name)


def test_a_server_without_models_is_ready(
    server: Runtime, callers: Callers, control: Control
) -> None:
    assert callers.client.get("/v2/health/ready").json() == {"ready": True}
    assert callers.stub.ServerReady(pb.ServerReadyRequest()).ready
    assert control.index() == {}
    assert httpx.get(f"http://127.0.0.1:{server.ports.metrics}/metrics").status_code == 200


def test_a_pushed_model_is_served_until_it_is_unloaded(
    agent: Agent, control: Control, callers: Callers
) -> None:
    assert control.load("m_1") == 404
    agent.push("m_1")
    assert control.index() == {"m_1": "UNAVAILABLE"}
    assert control.load("m_1") == 200
    assert control.index() == {"m_1": "READY"}
    callers.assert_served("m_1")
    callers.assert_served("m_1", version="1")
    assert callers.client.get("/v2/models/m_1").json()["versions"] == ["1"]
    assert control.unload("m_1") == 200
    assert callers.statuses("m_1") == {404}
    assert callers.client.get("/v2/health/ready").status_code == 200
    agent.remove("m_1")
    assert control.index() == {}
    assert control.load("m_1") == 404


def test_a_model_is_unloaded_although_its_folder_is_gone(agent: Agent, control: Control) -> None:
    agent.push("m_1")
    assert control.load("m_1") == 200
    agent.remove("m_1")
    assert control.unload("m_1") == 200
    assert control.unload("m_1") == 404


def test_two_versions_are_two_models(agent: Agent, callers: Callers) -> None:
    by_rest, by_grpc = callers.controls
    with pushed(agent, by_rest, "m_1", "m_2"):
        callers.assert_served("m_1")
        callers.assert_served("m_2")
        assert by_grpc.unload("m_1") == 200
        assert callers.statuses("m_1") == {404}
        callers.assert_served("m_2")


def test_models_are_loaded_at_the_same_time(agent: Agent, callers: Callers) -> None:
    by_rest, by_grpc = callers.controls
    controls = {"m_1": by_rest, "n_1": by_grpc, "o_1": by_rest}
    for name in controls:
        agent.push(name)
    with ThreadPoolExecutor(len(controls)) as pool:
        loads = [pool.submit(control.load, name) for name, control in controls.items()]
        assert [load.result() for load in loads] == [200, 200, 200]
    for name, control in controls.items():
        callers.assert_served(name)
        assert control.unload(name) == 200
        agent.remove(name)


def test_a_load_that_fails_leaves_the_others(
    agent: Agent, control: Control, callers: Callers
) -> None:
    with pushed(agent, control, "good_1"):
        folder = agent.push("bad_1")
        (folder / "weights").rename(folder / "elsewhere")
        assert control.load("bad_1") == 500
        assert control.index() == {"good_1": "READY", "bad_1": "UNAVAILABLE"}
        assert callers.statuses("bad_1") == {404}
        callers.assert_served("good_1")

        (folder / "elsewhere").rename(folder / "weights")
        assert control.load("bad_1") == 200
        callers.assert_served("bad_1")
        assert control.unload("bad_1") == 200
        agent.remove("bad_1")


def test_any_name_without_a_slash_is_a_name(agent: Agent, callers: Callers) -> None:
    for number, name in enumerate(NAMES):
        control = callers.controls[number % 2]
        folder = agent.push(name, folder="odd")
        assert control.load(name) == 200, name
        assert control.index() == {name: "READY"}
        callers.assert_served(name)
        assert control.unload(name) == 200, name
        shutil.rmtree(folder)


def test_nothing_is_written_where_the_server_runs(server: Runtime) -> None:
    folder = Path(psutil.Process(server.process.pid).cwd())
    assert {path.name for path in folder.iterdir()} == {"stdout", "stderr"}  # the tests' own
    assert not unexpected(server.log)


@pytest.mark.slow
def test_stock_mlserver_serves_what_is_pushed(launch: Launch, agent: Agent, tmp_path: Path) -> None:
    """`mlserver start`, in the same environment but for its own workers."""
    own = Agent(agent.stored, tmp_path)
    command = ["mlserver.cli.main", "start", str(own.models)]
    alone = {"MLSERVER_PARALLEL_WORKERS": "0"}
    stock = wait_until_ready(without_models(launch, own.models, *command, **alone))
    own.push("m_1")
    with callers_of(stock) as callers:
        by_rest, _ = callers.controls
        assert by_rest.load("m_1") == 200
        callers.assert_served("m_1")
        assert by_rest.unload("m_1") == 200
    assert stock.terminate() == 0, stock.log
