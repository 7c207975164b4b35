"""What pipelines count. Labels are names of loaded models and nothing else."""

from prometheus_client import Counter, Gauge, Histogram

_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)

WAITING = Gauge("chorus_pipeline_inputs_waiting", "Inputs that wait for their model's thread")
RUN_ROWS = Histogram("chorus_pipeline_run_rows", "Inputs of one run", buckets=_ROWS)
RUN = Histogram(
    "chorus_pipeline_run_seconds", "One run of a model's pipeline", ["model"], buckets=_SECONDS
)
DROPPED = Counter(
    "chorus_pipeline_dropped_inputs", "Inputs nobody waited for when it was their turn"
)
STOPPED = Counter(
    "chorus_pipeline_stopped_runs", "Runs ended early, when nobody waited any more", ["model"]
)
MISCOUNTED = Counter(
    "chorus_pipeline_miscounted_runs",
    "Runs that gave more or fewer results than they had inputs: a bug",
    ["model"],
)
SPLITS = Counter("chorus_pipeline_run_splits", "Runs split because they failed", ["model"])
FAILED = Counter("chorus_pipeline_failed_inputs", "Inputs that failed alone", ["model"])
STREAMED = Counter("chorus_pipeline_streamed_tokens", "Tokens generated for streams")
