"""What each served model is asked, and how long its oldest caller waits: what replicas scale on.

Counted in plain numbers on the server's event loop, and read when somebody looks: a request pays
for no lock. A model that is unloaded takes its series along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, Protocol
from weakref import WeakSet

from mlserver.errors import MLServerError
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

ANSWERED: Final = "answered"
REFUSED: Final = "refused"
LEFT: Final = "left"
OUTCOMES: Final = (ANSWERED, "invalid", REFUSED, "failed", LEFT)
# Busy, too late, going or gone: another time, or another replica, may have an answer.
_REFUSALS: Final = frozenset({429, 503, 504})


class Traffic:
    """One model's; for the event loop alone."""

    def __init__(self) -> None:
        self.in_flight = 0
        """Texts or other inputs."""
        self.requests = dict.fromkeys(OUTCOMES, 0)

    @contextmanager
    def inputs(self, count: int) -> Iterator[None]:
        """So many more are in flight, for as long as this lasts."""
        self.in_flight += count
        try:
            yield
        finally:
            self.in_flight -= count

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count one request by how it ends."""
        outcome = LEFT
        try:
            yield
            outcome = ANSWERED
        except MLServerError as error:
            outcome = _outcome(error.status_code)
            raise
        finally:
            self.requests[outcome] += 1


def _outcome(status: int) -> str:
    if status in _REFUSALS:
        return REFUSED
    return "invalid" if status < 500 else "failed"


class Served(Protocol):
    """A model as it is seen from here."""

    ready: bool
    traffic: Traffic

    @property
    def name(self) -> str: ...

    def queue_age(self) -> float:
        """For how many seconds the oldest of its requests in line has waited; 0 without any."""
        ...


class _ByModel(Collector):
    """Sums over versions, and over the two of a reload."""

    def __init__(self) -> None:
        self._models: WeakSet[Served] = WeakSet()
        self._lock = Lock()

    def add(self, model: Served) -> None:
        with self._lock:
            self._models.add(model)

    def collect(self) -> Iterable[Metric]:
        in_flight = GaugeMetricFamily(
            "chorus_engine_in_flight",
            "Texts and other inputs accepted and not yet answered, by the model that was asked: "
            "an ensemble's are not its members' too",
            labels=["model"],
        )
        age = GaugeMetricFamily(
            "chorus_engine_queue_age_seconds",
            "For how long the oldest request of a model in line has waited",
            labels=["model"],
        )
        requests = CounterMetricFamily(
            "chorus_engine_requests",
            "Requests by how they ended: answered, invalid (4xx), refused (429, 503, 504), "
            "failed (any other 5xx), or left by their caller",
            labels=["model", "outcome"],
        )
        for name, models in self._by_name().items():
            in_flight.add_metric([name], sum(model.traffic.in_flight for model in models))
            age.add_metric([name], max(model.queue_age() for model in models))
            for outcome in OUTCOMES:
                counts = (model.traffic.requests[outcome] for model in models)
                requests.add_metric([name, outcome], sum(counts))
        return (in_flight, age, requests)

    def _by_name(self) -> dict[str, list[Served]]:
        with self._lock:  # a model may be made while another thread looks
            models = list(self._models)
        named = defaultdict(list)
        for model in models:
            if model.ready or model.traffic.in_flight:
                named[model.name].append(model)
        return named


_MODELS: Final = _ByModel()
REGISTRY.register(_MODELS)


def show(model: Served) -> None:
    """Let the metrics tell of a model for as long as it is loaded."""
    _MODELS.add(model)
