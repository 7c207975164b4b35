"""What a running model server tells of each model's traffic."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import Runtime, served_models
from tests.live.callers import until
from tests.live.protocol import Rest, request, tensor

MODEL = "ivanlau"
UNEVEN = ["Hi", "a long text, which a short one would be padded to if texts were padded at all"]


@pytest.fixture
def rest(runtime: Runtime) -> Iterator[Rest]:
    with httpx.Client(base_url=runtime.url, timeout=60) as client:
        yield Rest(client)


def series(runtime: Runtime, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric of the engine by those of its labels, in the labels' order."""
    page = httpx.get(f"http://127.0.0.1:{runtime.ports.metrics}/metrics").text
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == f"chorus_engine_{name}"
    }


def test_a_request_is_counted_by_the_model_that_was_asked(runtime: Runtime, rest: Rest) -> None:
    before = series(runtime, "requests_total")
    assert rest.infer(request(tensor(UNEVEN)), "process").status == 200
    assert rest.infer(request(tensor(UNEVEN), top_k="many"), MODEL).status == 400
    after = series(runtime, "requests_total")
    assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == {
        ("process", "answered"): 1,
        (MODEL, "invalid"): 1,
    }


async def test_every_model_is_there_while_nobody_asks(runtime: Runtime) -> None:
    idle = {(model,): 0.0 for model in served_models()}
    await until(lambda: series(runtime, "in_flight") == idle, "an idle server")
    assert series(runtime, "queue_age_seconds") == idle


def test_what_packing_saves_is_counted(runtime: Runtime, rest: Rest) -> None:
    before = runtime.metric("chorus_engine_padding_saved_tokens_total")
    assert rest.infer(request(tensor(UNEVEN)), MODEL).status == 200
    saved = runtime.metric("chorus_engine_padding_saved_tokens_total") - before
    assert saved > 5, "positions that the shorter text would have been padded with"


def test_a_model_takes_its_series_along(runtime: Runtime, rest: Rest) -> None:
    with httpx.Client(base_url=f"{runtime.url}/v2/repository/models", timeout=60) as operator:
        try:
            assert operator.post(f"/{MODEL}/unload").status_code == 200
            for name in ("in_flight", "queue_age_seconds", "requests_total"):
                assert MODEL not in {key[0] for key in series(runtime, name)}
        finally:
            assert operator.post(f"/{MODEL}/load").status_code == 200
    assert series(runtime, "in_flight")[MODEL,] == 0
    assert series(runtime, "requests_total")[MODEL, "answered"] == 0
    assert rest.infer(request(tensor(UNEVEN)), MODEL).status == 200
    assert series(runtime, "requests_total")[MODEL, "answered"] == 1
