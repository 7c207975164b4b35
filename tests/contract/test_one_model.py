"""KServe: one model's folder and its files at the root, or weights alone and variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.conftest import Launch, Ports, Runtime, unexpected
from tests.contract.agent import STORED_NAME, checkpoint
from tests.contract.any_user import Unprivileged, missing
from tests.contract.callers import callers_of
from tests.contract.starts import OURS, wait_until_ready

NAMED = "name-of-the-service"


@pytest.fixture(scope="module")
def stored() -> Iterator[Path]:
    """Where another user may read it: pytest's own folders are closed to others."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield checkpoint(Path(folder) / "models")


@dataclass(frozen=True)
class Servers:
    """Both at once, for most of a start is imports."""

    unprivileged: Runtime | None
    by_variables: Runtime


@pytest.fixture(scope="module")
def servers(
    launch: Launch, stored: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    folder = {"MLSERVER_MODELS_DIR": str(stored)}
    unprivileged = None
    if not missing():
        unprivileged = Unprivileged(tmp_path_factory.mktemp("unprivileged"), Ports(), folder)
    yield Servers(unprivileged, by_variables(launch, stored / "weights"))
    if unprivileged:
        unprivileged.end()


def by_variables(launch: Launch, weights: Path) -> Runtime:
    """On weights to which nobody has added settings."""
    ports = Ports()
    described = {
        "MLSERVER_MODELS_DIR": str(weights),
        "MLSERVER_MODEL_NAME": NAMED,
        "MLSERVER_MODEL_URI": str(weights),
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_chorus.Classifier",
    }
    return launch(ports=ports, command=OURS, environment=ports.environment() | described)


def assert_serves(server: Runtime, name: str) -> None:
    """It is ready, answers by that name, lists it, and reloads it."""
    wait_until_ready(server)
    with callers_of(server) as callers:
        callers.assert_served(name)
        for control in callers.controls:
            assert control.index() == {name: "READY"}
            assert control.load(name) == 200
        callers.assert_served(name)
    assert not unexpected(server.log)
    assert server.terminate() == 0, server.log


@pytest.mark.slow
def test_a_user_of_no_name_who_may_write_nothing_serves(servers: Servers) -> None:
    """On a model's folder as the root, under the name that its settings say."""
    if not servers.unprivileged:
        pytest.skip(missing())
    assert_serves(servers.unprivileged, STORED_NAME)


def test_variables_describe_a_model(servers: Servers) -> None:
    assert_serves(servers.by_variables, NAMED)


def test_a_command_line_wins_over_variables_and_these_over_the_file(
    launch: Launch, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    checkpoint(models)
    (models / "settings.json").write_text('{"server_name": "of the file", "http_port": 2}')
    named = {"MLSERVER_HTTP_PORT": "1", "MLSERVER_SERVER_NAME": NAMED}
    server = launch(models, environment=named | {"MLSERVER_LOAD_MODELS_AT_STARTUP": "false"})
    with callers_of(wait_until_ready(server)) as callers:
        assert callers.client.get("/v2").json()["name"] == NAMED
        assert callers.controls[0].index() == {STORED_NAME: "UNAVAILABLE"}
