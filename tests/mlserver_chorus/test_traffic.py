from __future__ import annotations

import asyncio
import contextlib

import pytest
from mlserver.errors import MLServerError
from prometheus_client import REGISTRY

from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.traffic import OUTCOMES, Traffic, show


class Model:
    """Served, with a queue of a known age."""

    def __init__(self, name: str, age: float = 0.0, ready: bool = True) -> None:
        self.name, self.ready, self.traffic, self._age = name, ready, Traffic(), age
        show(self)

    def queue_age(self) -> float:
        return self._age


@pytest.fixture
def model(request: pytest.FixtureRequest) -> Model:
    return Model(request.node.name)


def sample(model: Model, name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"chorus_engine_{name}", {"model": model.name, **labels})


def test_inputs_are_in_flight_until_they_are_answered(model: Model) -> None:
    with model.traffic.inputs(3):
        with contextlib.suppress(ValueError), model.traffic.inputs(2):
            assert sample(model, "in_flight") == 5
            raise ValueError
        assert sample(model, "in_flight") == 3
    assert sample(model, "in_flight") == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "answered"),
        (InvalidRequest("text", "is missing"), "invalid"),
        (MLServerError("busy", 503), "refused"),
        (MLServerError("late", 504), "refused"),
        (MLServerError("broken", 500), "failed"),
        (asyncio.CancelledError(), "left"),
    ],
)
def test_a_request_is_counted_by_how_it_ended(
    model: Model, error: BaseException | None, outcome: str
) -> None:
    def ends() -> None:
        with model.traffic.request():
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            ends()
    else:
        ends()
    counted = {one: sample(model, "requests_total", outcome=one) for one in OUTCOMES}
    assert counted == {one: float(one == outcome) for one in OUTCOMES}


def test_the_two_of_a_reload_are_one_until_the_old_one_is_gone() -> None:
    old, new = Model("reloaded", age=3.0), Model("reloaded", age=1.0)
    with old.traffic.request(), old.traffic.inputs(2), new.traffic.inputs(1):
        old.ready = False
        assert sample(new, "in_flight") == 3
        assert sample(new, "queue_age_seconds") == 3.0
    assert sample(new, "in_flight") == 0
    assert sample(new, "queue_age_seconds") == 1.0
    assert sample(new, "requests_total", outcome="answered") == 0


def test_a_model_that_is_not_loaded_has_no_series() -> None:
    model = Model("unloaded", ready=False)
    for name in ("in_flight", "queue_age_seconds"):
        assert sample(model, name) is None
    assert sample(model, "requests_total", outcome="answered") is None
