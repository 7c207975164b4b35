"""What an unloaded model leaves behind; loads and reloads under load are T32's."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from tests.conftest import Runtime
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Rest, request, tensor

MODEL = "svalabs"
ASKED = request(tensor([TEXTS[0]]))


def load(client: httpx.Client) -> httpx.Response:
    return client.post(f"/v2/repository/models/{MODEL}/load")


def unload(client: httpx.Client) -> httpx.Response:
    return client.post(f"/v2/repository/models/{MODEL}/unload")


@pytest.fixture(scope="module")
def operator(runtime: Runtime) -> Iterator[httpx.Client]:
    """Who loads and unloads."""
    with httpx.Client(base_url=runtime.url, timeout=60) as opened:
        yield opened


@pytest.fixture
def loaded_again(operator: httpx.Client) -> Iterator[None]:
    """Leave the shared server as it was, whatever the test did."""
    yield
    assert load(operator).status_code == 200


@pytest.mark.usefixtures("loaded_again")
def test_unloaded_model_is_gone_and_comes_back(operator: httpx.Client) -> None:
    rest = Rest(operator)
    assert unload(operator).status_code == 200
    assert unload(operator).status_code == 404
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


@pytest.mark.usefixtures("loaded_again")
def test_the_index_says_what_is_loaded(operator: httpx.Client) -> None:
    def states(**asked: bool) -> dict[str, str]:
        listed = operator.post("/v2/repository/index", json=asked).json()
        return {each["name"]: each["state"] for each in listed}

    assert states()[MODEL] == "READY"
    assert unload(operator).status_code == 200
    assert states()[MODEL] == "UNAVAILABLE"
    assert states()["process"] == "READY"
    assert MODEL not in states(ready=True)
