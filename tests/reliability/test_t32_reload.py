"""Load, reload and unload under load: nobody is failed by them, and batches are batches after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime, unexpected
from tests.live.callers import Caller, Clients, clients_of
from tests.live.folders import models_folder
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Answer, Rest, request, tensor

MODEL = "svalabs"
ASKED = request(tensor([TEXTS[0]]))
# MLServer's own batcher would keep a lone request for `max_batch_time`: 30 s in our settings.
UNBATCHED_SECONDS = 25
PAUSE = 0.02  # s, of a caller who was answered: a load has its share of the processor
ROWS, BATCHES = "chorus_engine_batch_rows_sum", "chorus_engine_batch_rows_count"


async def change(clients: Clients, verb: str, model: str) -> int:
    """`load` or `unload`; the status."""
    async with clients.session.post(f"/v2/repository/models/{model}/{verb}", json={}) as response:
        assert response.status == 200 or set(await response.json()) == {"error"}
        return response.status


async def index(clients: Clients) -> dict[str, str]:
    async with clients.session.post("/v2/repository/index", json={}) as response:
        return {each["name"]: each["state"] for each in await response.json()}


# --------------------------------------------------------------------- models that fail


@dataclass
class Askers:
    """Callers who ask again once they are answered, each with texts of its own."""

    clients: Clients
    models: tuple[str, ...]
    answered: int = 0
    failed: list[Answer] = field(default_factory=list)
    _done: bool = False

    @asynccontextmanager
    async def asking(self, callers: int = 16) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._keep_asking(n)) for n in range(callers)]
        try:
            yield
        finally:
            self._done = True
            await asyncio.gather(*tasks)

    async def _keep_asking(self, number: int) -> None:
        from chorus_faulty import score_of

        asked = 0
        while not self._done:
            model = self.models[number % len(self.models)]
            text = f"caller {number}, text {asked}"
            answer = await self.clients.either(asked)(request(tensor([text])), model)
            asked += 1
            if answer.status != 200:
                self.failed.append(answer)
                continue
            self.answered += 1
            (result,) = answer.results
            label, score = score_of(text)
            assert result["label"] == label
            assert result["score"] == pytest.approx(score, abs=1e-6)
            await asyncio.sleep(PAUSE)


async def assert_batching(server: Runtime, clients: Clients) -> None:
    """What comes while the device is busy runs together."""
    rows, batches = server.metric(ROWS), server.metric(BATCHES)
    busy = asyncio.create_task(clients.rest(request(tensor(["sleep:0.3"])), "left"))
    await asyncio.sleep(0.1)
    await asyncio.gather(*(clients.rest(request(tensor([f"{n}"])), "left") for n in range(16)))
    await busy
    assert server.metric(ROWS) - rows == 17
    assert server.metric(BATCHES) - batches < 17 / 2


async def test_t32_a_hundred_reloads_under_load_fail_nobody(faulty: Runtime) -> None:
    async with clients_of(faulty) as clients:
        askers = Askers(clients, ("left",))
        async with askers.asking():
            for _ in range(100):
                assert await change(clients, "load", "left") == 200
        assert askers.failed == []
        assert askers.answered > 100
        await assert_batching(faulty, clients)
    print(f"100 reloads, {askers.answered} answers, 0 failed")  # noqa: T201


async def test_t32_loads_and_unloads_at_once_leave_what_the_last_said(faulty: Runtime) -> None:
    """Nobody hears anything but that the model is there, or is not."""
    async with clients_of(faulty) as clients:
        askers = Askers(clients, ("left", "right"))
        async with askers.asking():
            verbs = ["load", "unload", "load", "load", "unload", "unload", "load", "unload"] * 3
            both = [change(clients, verb, model) for verb in verbs for model in ("left", "right")]
            statuses = await asyncio.gather(*both)
            assert await change(clients, "unload", "left") in (200, 404)
            assert await change(clients, "load", "right") == 200
            states = await index(clients)
            gone = await clients.rest(ASKED, "left")
            assert await change(clients, "load", "left") == 200
        assert set(statuses) <= {200, 404}, "404 to the second of two unloads"
        assert {states["left"], states["right"]} == {"UNAVAILABLE", "READY"}
        assert gone.status == 404
        assert {answer.status for answer in askers.failed} <= {404, 503}, askers.failed
        for model in ("left", "right", "process"):
            assert (await clients.rest(ASKED, model)).status == 200


async def test_t32_a_change_ends_although_who_asked_for_it_has_left(faulty: Runtime) -> None:
    async with clients_of(faulty) as clients:
        stub = clients.stub
        for _ in range(20):
            call = stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="right"))
            again = stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="right"))
            await asyncio.sleep(0.003)
            call.cancel()
            again.cancel()
            await asyncio.gather(call, again, return_exceptions=True)
        assert await change(clients, "load", "right") == 200
        assert (await clients.rest(ASKED, "right")).status == 200
    assert not unexpected(faulty.log)


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_t32_an_unknown_model_is_not_found(faulty: Runtime, verb: str) -> None:
    async with clients_of(faulty) as clients:
        for model in ("nobody", "..", "%2e%2e%2fleft", "x" * 1000):
            assert await change(clients, verb, model) == 404


# ------------------------------------------------------------------------- real weights


@pytest.fixture(scope="module")
def operator(runtime: Runtime) -> Iterator[httpx.Client]:
    """Who loads and unloads; not patient enough for MLServer's own batcher."""
    with httpx.Client(base_url=runtime.url, timeout=UNBATCHED_SECONDS) as opened:
        yield opened


def load(client: httpx.Client, model: str = MODEL) -> httpx.Response:
    return client.post(f"/v2/repository/models/{model}/load")


def test_t32_lone_request_is_answered_at_once_after_reload(operator: httpx.Client) -> None:
    for _ in range(2):
        assert load(operator).status_code == 200
        (row,) = Rest(operator).infer(ASKED, MODEL).results
        assert_right([row], MODEL, TEXTS[0])


async def test_t32_reloading_real_weights_under_load_is_seen_by_nobody(runtime: Runtime) -> None:
    done = asyncio.Event()
    callers = [Caller.number(n) for n in range(2, 40, 5)]  # all of them ask svalabs
    answered = 0

    async def keep_asking(number: int, caller: Caller) -> None:
        nonlocal answered
        while not done.is_set():
            caller.check(await clients.either(number)(caller.asked, caller.model))
            answered += 1

    async with clients_of(runtime) as clients:
        asking = [asyncio.create_task(keep_asking(n, c)) for n, c in enumerate(callers)]
        for _ in range(3):
            assert await change(clients, "load", MODEL) == 200
        done.set()
        await asyncio.gather(*asking)
    assert answered > len(callers)


async def test_t32_loads_of_one_model_at_the_same_time(runtime: Runtime) -> None:
    async with clients_of(runtime) as clients:
        loads = await asyncio.gather(*(change(clients, "load", MODEL) for _ in range(4)))
        assert set(loads) == {200}
        caller = Caller.number(2)
        caller.check(await clients.rest(caller.asked, caller.model))


async def test_t32_health_answers_while_models_load(runtime: Runtime) -> None:
    asked = 0
    async with clients_of(runtime) as clients:
        loads = [asyncio.create_task(change(clients, "load", m)) for m in (MODEL, "ivanlau")]
        while not all(task.done() for task in loads):
            async with clients.session.get("/v2/health/live") as response:
                assert response.status == 200
            asked += 1
            await asyncio.sleep(0.01)
        assert [task.result() for task in loads] == [200, 200]
    assert asked > 5


# ----------------------------------------------------------------------- what is broken


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("broken") / "models", MODEL)


@pytest.fixture(scope="module")
def broken(launch: Launch, folder: Path) -> Iterator[Runtime]:
    """A server whose one model has lost its weights since it was loaded."""
    server = launch(folder, environment={"CHORUS_WEIGHTS": "standin"}).wait_until_ready(MODEL)
    (folder / MODEL / "standin").unlink()
    yield server
    server.end()


def assert_refused_and_serving(server: Runtime, client: httpx.Client) -> None:
    response = load(client)
    assert response.status_code >= 500
    assert response.json() == {"error": f"model {MODEL} cannot be loaded; the log says why"}
    (row,) = Rest(client).infer(ASKED, MODEL).results
    assert_right([row], MODEL, TEXTS[0])


def test_t32_reload_that_fails_leaves_the_old_weights_serving(broken: Runtime) -> None:
    with httpx.Client(base_url=broken.url, timeout=30) as client:
        assert_refused_and_serving(broken, client)


def test_t32_failed_load_names_no_path_to_callers(broken: Runtime) -> None:
    with (
        grpc.insecure_channel(broken.grpc_address) as channel,
        pytest.raises(grpc.RpcError) as refusal,
    ):
        GRPCInferenceServiceStub(channel).RepositoryModelLoad(
            pb.RepositoryModelLoadRequest(model_name=MODEL), timeout=30
        )
    assert "/" not in str(refusal.value.details())


def test_t32_settings_that_cannot_be_read_leave_the_old_model_serving(
    broken: Runtime, folder: Path
) -> None:
    settings = folder / MODEL / "model-settings.json"
    kept: Any = settings.read_text()
    settings.write_text("{")
    try:
        with httpx.Client(base_url=broken.url, timeout=30) as client:
            assert_refused_and_serving(broken, client)
    finally:
        settings.write_text(kept)
