"""What is written down of a training: its parameters before, its metrics after."""

import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from chorus.training.data import Data
from chorus.training.early_stop import Epoch
from chorus.training.job import Job
from chorus.training.start import Start
from chorus_weights.digest import sha256

# What MLflow takes in a metric's name, but for `/`, which it shows as a folder, and our own words.
_PLAIN = re.compile(r"(?!label )\w([\w.\- ]*\w)?")
_SCORES = ("precision", "recall", "f1")


def parameters(job: Job, data: Data, start: Start) -> dict[str, str]:
    """All that decides the bytes of the model, and the versions of what made it."""
    judged = job.validation_file
    said = {
        **asdict(job.recipe),
        "text_columns": ", ".join(job.texts),
        "label_column": job.label,
        "base": start.origin or "none: from scratch",
        "seed": job.seed,
        "patience": job.patience,
        "class_weights": "auto" if job.balanced else "none",
        "data_file": job.file.name,
        "data_sha256": sha256(job.file),
        "rows_sha256": data.digest,
        "labels": len(data.names),
        "trained_rows": len(data.kept),
        "validation_rows": len(data.held),
        "chorus_version": version("chorus-serve"),
        "torch_version": version("torch"),
        "transformers_version": version("transformers"),
        "python_version": platform.python_version(),
    }
    if judged:
        said |= {"validation_file": judged.name, "validation_sha256": sha256(judged)}
    return {name: str(value) for name, value in said.items()}


def of_epoch(epoch: Epoch) -> dict[str, float]:
    """The metrics of one epoch."""
    return asdict(epoch)


def of_results(results: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of the model that a training has come to."""
    return {
        "accuracy": results["accuracy"],
        "macro_f1": results["macro_f1"],
        "best_epoch": results["best_epoch"],
        **dict(_of_labels(results["labels"])),
    }


def tags(results: Mapping[str, Any], said: Mapping[str, str]) -> dict[str, str]:
    """What tells a version from the others in the list of them."""
    scores = {name: f"{results[name]:.4f}" for name in ("accuracy", "macro_f1")}
    kept = ("base", "data_file", "data_sha256", "chorus_version")
    return {**scores, **{name: said[name] for name in kept}, "command": results["command"]}


def _of_labels(labels: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, float]]:
    """Each label's scores; by its number, from 0, where MLflow would not take its name."""
    for number, (name, one) in enumerate(labels.items()):
        called = name if _PLAIN.fullmatch(name) else f"label {number}"
        yield from ((f"{score}/{called}", one[score]) for score in _SCORES)
