"""What a run has come to, as a document for programs."""

from dataclasses import asdict
from typing import Any

from chorus.training.data import Data
from chorus.training.job import Job
from chorus.training.run import Outcome
from chorus.training.start import Start


def document(job: Job, data: Data, start: Start, outcome: Outcome) -> dict[str, Any]:
    """The same for the same run: nothing in it tells when or how fast."""
    scores = outcome.scores
    return {
        "name": job.name,
        "command": job.command,
        "base": start.origin or None,
        "text_columns": list(job.texts),
        "label_column": job.label,
        "rows": data.balance,
        "trained_rows": len(data.kept),
        "validation_rows": scores.rows,
        "seed": job.seed,
        "epochs": [asdict(epoch) for epoch in outcome.history],
        "best_epoch": outcome.best,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "labels": {name: asdict(one) for name, one in scores.labels.items()},
        "confusion": [list(line) for line in scores.matrix],
    }
