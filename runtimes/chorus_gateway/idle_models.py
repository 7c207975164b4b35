"""Metrics by model, of those that are expected here or have work; any other may be gone."""

from collections.abc import Collection, Iterable
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

IN_FLIGHT: Final = "chorus_gateway_in_flight"
QUEUE_AGE: Final = "chorus_gateway_queue_age_seconds"


class WithoutIdle(Collector):
    """Leaves models out that nobody asks and nobody expects: files of workers forget none."""

    def __init__(self, shown: Collector, expected: Collection[str]) -> None:
        self._shown = shown
        self._expected = frozenset(expected)

    def collect(self) -> Iterable[Metric]:
        """Everything else as it is."""
        for metric in self._shown.collect():
            if metric.name in (IN_FLIGHT, QUEUE_AGE):
                metric.samples = [
                    sample
                    for sample in metric.samples
                    if sample.value or sample.labels["model"] in self._expected
                ]
            yield metric
