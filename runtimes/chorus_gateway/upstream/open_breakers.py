"""The metric that says which model servers get no calls."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge


class OpenBreakers:
    """Counts the open breakers; of several gateway processes, the sum."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "chorus_gateway_open_breakers",
            "Model servers that get no calls because they do not answer: "
            "ours by their place in the list, and how many others.",
            ("server",),
            registry=registry,
            multiprocess_mode="livesum",
        )

    def of(self, server: str) -> Callable[[bool], None]:
        """Return what a breaker is to call when it opens and when it closes."""
        gauge = self._gauge.labels(server)

        def change(is_open: bool) -> None:
            gauge.inc(1 if is_open else -1)

        return change
