"""Models of MLflow, served: which version answers, and an alias that is moved under load."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from tests.mlflow.conftest import COLD, NAME, NEW, OLD, Server, Trained
from tests.mlflow.door import Door
from tests.stack.conftest import Stack
from typer.testing import CliRunner

from chorus.cli import app

pytestmark = pytest.mark.timeout(400)  # the server starts in the first test's time

CHAMPION = f"models:/{NAME}@champion"
PAUSE = 0.05  # s, of a caller who was answered: a load has its share of the processor
CALLERS = 6


def models_folder(root: Path) -> Path:
    """A classifier that follows an alias, and a pipeline that is of one version."""
    settings: dict[str, dict[str, Any]] = {
        "moving": {
            "implementation": "mlserver_chorus.Classifier",
            "parameters": {"uri": CHAMPION},
        },
        "fixed": {
            "implementation": "mlserver_chorus.Pipeline",
            "parameters": {"uri": f"models:/{NAME}/2", "extra": {"task": "text-classification"}},
        },
    }
    for name, own in settings.items():
        (root / name).mkdir(parents=True)
        (root / name / "model-settings.json").write_text(json.dumps({"name": name, **own}))
    return root


@dataclass
class Serving:
    """`chorus serve` on both models, and the way to MLflow."""

    folder: Path
    door: Door
    environment: dict[str, str]
    stack: Stack = field(init=False)

    def start(self, log: str) -> None:
        options = ("--models-dir", str(self.folder), "--device", "cpu")
        self.stack = Stack.start(self.folder.parent / log, *options, **self.environment)
        self.stack.wait_until_ready()

    def metadata(self, model: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.stack.v2}/models/{model}", timeout=30).json()
        described: dict[str, Any] = answer["parameters"]
        return described


@pytest.fixture(scope="module")
def serving(
    server: Server, trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    root = tmp_path_factory.mktemp("serving")
    door = Door(server.port)
    door.open()
    serving = Serving(
        models_folder(root / "models"),
        door,
        {
            "CHORUS_MLFLOW_CACHE": str(root / "cache"),
            "MLFLOW_TRACKING_URI": door.url,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        },
    )
    try:
        serving.start("first.log")
        yield serving
    finally:
        code = serving.stack.stop()
        door.shut()
    assert code == 0, serving.stack.log.read_text()


def test_what_is_served_says_which_version_it_is(serving: Serving, trained: Trained) -> None:
    old, new = trained.old["mlflow"], trained.new["mlflow"]
    moving, fixed = serving.metadata("moving"), serving.metadata("fixed")
    for said, made in ((moving, old), (fixed, new)):
        assert said["weights"] == "mlflow"
        assert said["checkpoint"] == f"models:/{NAME}/{made['version']}"
        assert (said["revision"], said["run"]) == (made["model_id"], made["run_id"])
    info = httpx.get(f"{serving.stack.url}/models/moving/info", timeout=30).json()
    assert info["model_id"] == f"models:/{NAME}/1"
    assert info["model_sha"] == old["model_id"]
    log = serving.stack.log.read_text()
    assert f"model moving: {CHAMPION} is models:/{NAME}/1, {old['model_id']} of run" in log


def test_chorus_models_shows_what_the_alias_means_there(serving: Serving) -> None:
    port = str(serving.stack.ports[1])
    argv = ["models", "--models-dir", str(serving.folder), "--v2-port", port]
    shown = CliRunner().invoke(app, argv).stdout
    (line,) = [line for line in shown.splitlines() if "moving" in line]
    assert CHAMPION in line
    assert f"ready, models:/{NAME}/1" in line
    rows = json.loads(CliRunner().invoke(app, [*argv, "--json"]).stdout)
    (row,) = [row for row in rows if row["name"] == "moving"]
    assert row["registered"] == CHAMPION
    assert row["checkpoint"] == f"models:/{NAME}/1"
    assert row["revision"].startswith("m-")


# ------------------------------------------------------------------------ under load


@dataclass
class Askers:
    """Callers of the gateway and of V2 who ask again once they are answered."""

    gateway: str
    v2: str
    labels: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _over: bool = False

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            tasks = [
                asyncio.create_task(self._keep_asking(session, which))
                for which in (self._by_gateway, self._by_v2)
                for _ in range(CALLERS // 2)
            ]
            try:
                yield
            finally:
                self._over = True
                await asyncio.gather(*tasks)

    async def saw(self, labels: tuple[str, ...]) -> None:
        """Wait until somebody was answered with one of these."""
        async with asyncio.timeout(60):
            while not set(labels) & set(self.labels):
                await asyncio.sleep(PAUSE)

    async def _keep_asking(
        self,
        session: aiohttp.ClientSession,
        which: Callable[[aiohttp.ClientSession], Awaitable[str]],
    ) -> None:
        while not self._over:
            try:
                self.labels[await which(session)] += 1
            except (aiohttp.ClientError, KeyError, ValueError, TypeError) as error:
                self.failed.append(repr(error))
            await asyncio.sleep(PAUSE)

    async def _by_gateway(self, session: aiohttp.ClientSession) -> str:
        url = f"{self.gateway}/models/moving"
        async with session.post(url, json={"inputs": COLD}, raise_for_status=True) as answer:
            return str((await answer.json())[0][0]["label"])

    async def _by_v2(self, session: aiohttp.ClientSession) -> str:
        text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [COLD]}
        asked = {"inputs": [text], "outputs": [{"name": "label"}]}
        url = f"{self.v2}/models/moving/infer"
        async with session.post(url, json=asked, raise_for_status=True) as answer:
            return str((await answer.json())["outputs"][0]["data"][0])


async def load(stack: Stack) -> httpx.Response:
    async with httpx.AsyncClient(timeout=100) as client:
        return await client.post(f"{stack.v2}/repository/models/moving/load", json={})


async def test_a_moved_alias_is_served_after_a_reload_and_fails_nobody(
    serving: Serving, server: Server
) -> None:
    askers = Askers(serving.stack.url, serving.stack.v2)
    async with askers.asking():
        await askers.saw(OLD)
        server.client.set_registered_model_alias(NAME, "champion", "2")
        assert (await load(serving.stack)).status_code == 200
        await askers.saw(NEW)
    assert askers.failed == []
    assert set(askers.labels) <= {*OLD, *NEW}
    assert serving.metadata("moving")["checkpoint"] == f"models:/{NAME}/2"

    # Back again, and MLflow is away: what was served goes on, for nobody knows what is meant.
    server.client.set_registered_model_alias(NAME, "champion", "1")
    serving.door.shut()
    refused = await load(serving.stack)
    assert refused.status_code == 500
    assert refused.json() == {"error": "model moving cannot be loaded; the log says why"}
    line = (
        f"model moving cannot be loaded: model moving: MLflow at 127.0.0.1:{serving.door.port} "
        "cannot be reached"
    )
    while line not in serving.stack.log.read_text():  # it is written beside the answer
        await asyncio.sleep(0.05)
    assert serving.metadata("moving")["checkpoint"] == f"models:/{NAME}/2"
    serving.door.open()
    assert (await load(serving.stack)).status_code == 200
    assert serving.metadata("moving")["checkpoint"] == f"models:/{NAME}/1"


@pytest.mark.slow
def test_a_start_without_mlflow_serves_what_it_has(serving: Serving, server: Server) -> None:
    before = serving.metadata("moving")
    assert serving.stack.stop() == 0
    serving.door.shut()
    server.client.set_registered_model_alias(NAME, "champion", "2")
    try:
        serving.start("second.log")
        assert serving.metadata("moving") == before
        log = serving.stack.log.read_text()
        assert f"{CHAMPION} is taken for {before['checkpoint']}" in log
    finally:
        server.client.set_registered_model_alias(NAME, "champion", "1")
        serving.door.open()
