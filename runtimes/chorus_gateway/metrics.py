"""The gateway's metrics. Label sets are closed: nothing a caller sends becomes a label."""

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from chorus_gateway.errors import UpstreamError
from chorus_gateway.idle_models import IN_FLIGHT, QUEUE_AGE, WithoutIdle
from chorus_gateway.waiting import WaitingLine

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
TEXTS: Final = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """One registry per application, so that two of them in a process do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of_all = _of_all_workers()
        self._shown: Collector = of_all or self.registry
        if of_all is None:  # of several, the memory and CPU time of one say little
            ProcessCollector(registry=self.registry)
        self._watched: list[Callable[[], None]] = []
        self._requests = Counter(
            "chorus_gateway_requests_total",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "chorus_gateway_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._coalesced_texts = Histogram(
            "chorus_gateway_coalesced_texts",
            "Texts in one call to the model server.",
            buckets=TEXTS,
            registry=self.registry,
        )
        self._call_seconds = Histogram(
            "chorus_gateway_call_seconds",
            "Time of one call to the model server.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._refusals = Counter(
            "chorus_gateway_refusals_total",
            "Requests turned away that could be answered at another time.",
            ("reason",),
            registry=self.registry,
        )
        self._upstream_errors = Counter(
            "chorus_gateway_upstream_errors_total",
            "Calls to the model server without a usable answer.",
            ("kind",),
            registry=self.registry,
        )

    def observe_refusal(self, reason: str) -> None:
        """Count one request that was turned away; `reason` is the `refusal` of an error."""
        self._refusals.labels(reason).inc()

    def observe_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; `route` is a template, never a path."""
        known_method = method if method in METHODS else "other"
        self._requests.labels(route, known_method, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def observe_call(self, texts: int, seconds: float) -> None:
        """Count one call to the model server."""
        self._coalesced_texts.observe(texts)
        self._call_seconds.observe(seconds)

    def observe_error(self, error: UpstreamError) -> None:
        """Count one call to the model server that failed."""
        self._upstream_errors.labels(error.kind).inc()

    def watch(self, line: WaitingLine[Any], calls_in_flight: Callable[[], int]) -> None:
        """Read these on every refresh."""
        prefix = "chorus_gateway"
        self._gauge(f"{prefix}_waiting_texts", "Texts that are in no call yet.", line.__len__)
        self._gauge(f"{prefix}_waiting_callers", "Callers whose they are.", lambda: line.callers)
        self._gauge(
            f"{prefix}_waiting_texts_of_one_caller",
            "Of the caller who has most there; of all workers, the most.",
            lambda: line.most_of_one_caller,
            of_workers="livemax",
        )
        self._gauge(
            f"{prefix}_calls_in_flight",
            "Calls to the model server that are running.",
            calls_in_flight,
        )

    def watch_discovery(self, servers: Callable[[], float], stale: Callable[[], float]) -> None:
        """Read these on every refresh."""
        self._gauge(
            "chorus_gateway_discovered_servers",
            "Model servers that the cluster names.",
            servers,
            of_workers="livemax",
        )
        self._gauge(
            "chorus_gateway_discovery_stale_seconds",
            "For how long nothing has been heard of the cluster; its last list holds.",
            stale,
            of_workers="livemax",
        )

    def watch_models(
        self,
        expected: Collection[str],
        in_flight: Callable[[], Mapping[tuple[str, str], float]],
        queue_age: Callable[[], Mapping[tuple[str], float]],
    ) -> None:
        """Read these on every refresh; the `expected` models are shown even while idle."""
        self._gauges(
            IN_FLIGHT,
            "Requests of a model that wait or are being answered, on our own servers or elsewhere.",
            ("model", "server"),
            in_flight,
        )
        self._gauges(
            QUEUE_AGE,
            "How long the text has waited that is in no call yet for longest.",
            ("model",),
            queue_age,
            of_workers="livemax",
        )
        self._shown = WithoutIdle(self._shown, expected)

    def refresh(self) -> None:
        """Bring the gauges up to date; their values are on file where several workers serve."""
        for refresh in self._watched:
            refresh()

    def exposition(self) -> bytes:
        """Write all of it, the sum of all workers, in Prometheus's text format."""
        self.refresh()
        return generate_latest(self._shown)

    def _gauge(
        self,
        name: str,
        text: str,
        read: Callable[[], float],
        of_workers: Literal["livesum", "livemax"] = "livesum",
    ) -> None:
        gauge = Gauge(name, text, registry=self.registry, multiprocess_mode=of_workers)
        self._watched.append(lambda: gauge.set(read()))

    def _gauges(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        read: Callable[[], Mapping[Any, float]],
        of_workers: Literal["livesum", "livemax"] = "livesum",
    ) -> None:
        gauge = Gauge(name, text, labels, registry=self.registry, multiprocess_mode=of_workers)

        def refresh() -> None:
            for values, value in read().items():
                gauge.labels(*values).set(value)

        self._watched.append(refresh)


def _of_all_workers() -> CollectorRegistry | None:
    """What workers on one port have counted, summed; None for a gateway of a single process."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return None
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
