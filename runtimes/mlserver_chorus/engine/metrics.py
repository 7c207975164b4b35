"""What the engine counts. Labels are names of loaded models and the words below, nothing else."""

from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from . import memory

_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_TOKENS = (16, 64, 256, 1024, 4096, 16384, 65536)
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

IN_FLIGHT = Gauge("chorus_engine_texts_in_flight", "Texts accepted and not yet answered")
BUDGET = Gauge(
    "chorus_engine_batch_budget_tokens",
    "Most tokens of a batch: measured when models were loaded, or set",
    ["device"],
)
BATCH_ROWS = Histogram("chorus_engine_batch_rows", "Texts per batch", buckets=_ROWS)
BATCH_TOKENS = Histogram(
    "chorus_engine_batch_tokens", "Tokens per batch and model", buckets=_TOKENS
)
PADDING = Counter(
    "chorus_engine_padding_tokens", "Token positions computed that carry no token, over all models"
)
PADDING_SAVED = Counter(
    "chorus_engine_padding_saved_tokens",
    "Token positions that one padded batch would have computed and ours did not, over all models",
)
TOKENIZE = Histogram(
    "chorus_engine_tokenize_seconds", "Time to tokenise one request", buckets=_SECONDS
)
QUEUE = Histogram(
    "chorus_engine_queue_seconds", "From a request's arrival to its first batch", buckets=_SECONDS
)
FORWARD = Histogram(
    "chorus_engine_forward_seconds",
    "One forward pass from launch to logits; a+b is of models that ran side by side",
    ["model"],
    buckets=_SECONDS,
)
_REFUSED = Counter(
    "chorus_engine_refused_requests",
    "Requests refused: too many texts in flight, too many tokens waiting, too much time to wait, "
    "too late for their own deadline, or for the share of another caller",
    ["reason"],
)
REFUSED = {
    reason: _REFUSED.labels(reason) for reason in ("in_flight", "tokens", "time", "late", "share")
}
EXPIRED = Counter(
    "chorus_engine_expired_requests", "Requests whose own deadline passed before their answer"
)
WAITING_TEXTS = Gauge(
    "chorus_engine_waiting_texts", "Texts accepted that no batch has taken", ["device"]
)
WAITING_TOKENS = Gauge(
    "chorus_engine_waiting_tokens",
    "Tokens of the waiting texts, once for each model that reads them",
    ["device"],
)
WAITING_SECONDS = Gauge(
    "chorus_engine_waiting_seconds", "For how long the oldest of them has waited", ["device"]
)
DROPPED = Counter(
    "chorus_engine_dropped_texts", "Texts nobody waited for when their batch was built"
)
SPLITS = Counter(
    "chorus_engine_batch_splits", "Batches split because their forward failed", ["model"]
)
FAILED = Counter(
    "chorus_engine_failed_texts", "Texts answered with an error of their model", ["model"]
)
OUT_OF_MEMORY = Counter(
    "chorus_engine_out_of_memory", "Forward passes that had too little memory", ["model"]
)
WRONG_ROWS = Counter(
    "chorus_engine_wrong_rows",
    "Batches failed because a forward gave other rows than one per text: a bug",
    ["model"],
)
FALLBACKS = Counter(
    "chorus_engine_stock_forwards",
    "Models served by the stock forward because the packed one gave other answers",
    ["model"],
)


def begin(model: str) -> None:
    """Show a model's failures from the beginning, at 0: an increase is seen from what was there."""
    for counter in (SPLITS, FAILED, OUT_OF_MEMORY, WRONG_ROWS, FALLBACKS):
        counter.labels(model)


class _Memory(Collector):
    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily(
            "chorus_engine_memory_bytes",
            "Memory of this process: resident on the CPU; allocated by tensors and reserved for "
            "them on a GPU, of its total",
            labels=["device", "kind"],
        )
        for device, kind, size in memory.held():
            gauge.add_metric([device, kind], size)
        yield gauge


REGISTRY.register(_Memory())
