"""What the engine counts. Labels are names of loaded models and the words below, nothing else."""

from prometheus_client import Counter, Gauge, Histogram

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
DROPPED = Counter(
    "chorus_engine_dropped_texts", "Texts nobody waited for when their batch was built"
)
SPLITS = Counter(
    "chorus_engine_batch_splits", "Batches split because their forward failed", ["model"]
)
FAILED = Counter("chorus_engine_failed_texts", "Texts that failed alone", ["model"])
FALLBACKS = Counter(
    "chorus_engine_stock_forwards",
    "Models served by the stock forward because the packed one gave other answers",
    ["model"],
)
