"""Load, reload and unload over the repository API, while others are being served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime
from tests.live.callers import Caller, clients_of
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Rest, request, tensor
from tests.live.test_life_cycle import WEIGHTS_OF_THE_FOLDER, models_folder

MODEL = "svalabs"
ASKED = request(tensor([TEXTS[0]]))
# MLServer's own batcher would keep a lone request for `max_batch_time`: 30 s in our settings.
UNBATCHED_SECONDS = 15


def load(client: httpx.Client, model: str = MODEL) -> httpx.Response:
    return client.post(f"/v2/repository/models/{model}/load")


def unload(client: httpx.Client, model: str = MODEL) -> httpx.Response:
    return client.post(f"/v2/repository/models/{model}/unload")


@pytest.fixture(scope="module")
def operator(runtime: Runtime) -> Iterator[httpx.Client]:
    """Who loads and unloads; not patient enough for MLServer's own batcher."""
    with httpx.Client(base_url=runtime.url, timeout=UNBATCHED_SECONDS) as opened:
        yield opened


@pytest.fixture
def loaded_again(operator: httpx.Client) -> Iterator[None]:
    """Leave the shared server as it was, whatever the test did."""
    yield
    assert load(operator).status_code == 200


def test_lone_request_is_answered_at_once_after_reload(operator: httpx.Client) -> None:
    for _ in range(2):
        assert load(operator).status_code == 200
        (row,) = Rest(operator).infer(ASKED, MODEL).results
        assert_right([row], MODEL, TEXTS[0])


async def test_reloading_under_load_is_seen_by_nobody(runtime: Runtime) -> None:
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
        for _ in range(5):
            async with clients.session.post(f"/v2/repository/models/{MODEL}/load") as response:
                assert response.status == 200
        done.set()
        await asyncio.gather(*asking)
    assert answered > len(callers)


@pytest.mark.usefixtures("loaded_again")
def test_unloaded_model_is_gone_and_comes_back(operator: httpx.Client) -> None:
    rest = Rest(operator)
    assert unload(operator).status_code == 200
    assert rest.infer(ASKED, MODEL).status == 404
    assert operator.get(f"/v2/models/{MODEL}/ready").status_code == 404

    refusal = rest.infer(ASKED, "process")
    assert (refusal.status, refusal.error) == (503, f"model {MODEL} is not loaded")
    others = rest.infer(ASKED | {"outputs": [{"name": "cardiffnlp.label"}]}, "process")
    assert others.status == 200, "the other members are as they were"

    assert load(operator).status_code == 200
    (row,) = rest.infer(ASKED, MODEL).results
    assert_right([row], MODEL, TEXTS[0])
    assert rest.infer(ASKED, "process").status == 200


@pytest.mark.usefixtures("loaded_again")
def test_ensemble_describes_itself_without_a_member(operator: httpx.Client) -> None:
    assert unload(operator).status_code == 200
    assert operator.get("/v2/models/process").status_code == 200


async def test_loads_of_one_model_at_the_same_time(runtime: Runtime) -> None:
    async def load_over(session: Any) -> int:
        async with session.post(f"/v2/repository/models/{MODEL}/load") as response:
            status: int = response.status
            return status

    async with clients_of(runtime) as clients:
        assert set(await asyncio.gather(*(load_over(clients.session) for _ in range(4)))) == {200}
        caller = Caller.number(2)
        caller.check(await clients.rest(caller.asked, caller.model))


@pytest.fixture(scope="module")
def broken(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server whose one model has lost its weights since it was loaded."""
    root: Path = models_folder(tmp_path_factory.mktemp("broken") / "models", MODEL)
    server = launch(root, environment=WEIGHTS_OF_THE_FOLDER).wait_until_ready(MODEL)
    (root / MODEL / "standin").unlink()
    yield server
    server.end()


def test_reload_that_fails_leaves_the_old_weights_serving(broken: Runtime) -> None:
    with httpx.Client(base_url=broken.url, timeout=30) as client:
        response = load(client)
        assert response.status_code >= 500
        assert set(response.json()) == {"error"}
    with httpx.Client(base_url=broken.url, timeout=30) as client:
        (row,) = Rest(client).infer(ASKED, MODEL).results
        assert_right([row], MODEL, TEXTS[0])


def test_failed_load_names_no_path_to_callers(broken: Runtime) -> None:
    with (
        grpc.insecure_channel(broken.grpc_address) as channel,
        pytest.raises(grpc.RpcError) as refusal,
    ):
        GRPCInferenceServiceStub(channel).RepositoryModelLoad(
            pb.RepositoryModelLoadRequest(model_name=MODEL), timeout=30
        )
    assert "/" not in str(refusal.value.details())
