"""The rows of a job: which are trained on, which are held out, and the order of the labels."""

import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass

from chorus.errors import UsageError
from chorus.training import table
from chorus.training.job import Job
from chorus.training.recipe import Row
from chorus.training.split import split


@dataclass(frozen=True)
class Data:
    """`names` are the labels in the order of the model's outputs; `balance` counts their rows."""

    names: tuple[str, ...]
    balance: dict[str, int]
    kept: list[Row]
    held: list[Row]

    @property
    def digest(self) -> str:
        """SHA-256 of all that is trained on and judged by."""
        content = json.dumps([self.names, self.kept, self.held])
        return hashlib.sha256(content.encode()).hexdigest()

    def class_weights(self) -> list[float]:
        """A factor per label for the loss: the rarer, the greater; 1 where all have as many."""
        counts = Counter(label for _, label in self.kept)
        return [len(self.kept) / (len(self.names) * counts[i]) for i in range(len(self.names))]


def read(job: Job) -> Data:
    """Read and split the file of a job, or its two files. Raises UsageError."""
    trained = table.read(job.file, job.texts, job.label)
    table.require_trainable(trained)
    names = tuple(trained.balance)
    if job.validation_file:
        judged = table.read(job.validation_file, job.texts, job.label)
        table.require_known_labels(judged, trained)
        kept, held = _rows(trained, names), _rows(judged, names)
    else:
        rng = random.Random(job.seed)  # noqa: S311 - shuffles texts, guards nothing
        kept, held = split(_rows(trained, names), job.recipe.held_out, rng, least=1)
    if not held:
        raise UsageError(
            f"{job.file}: all rows of each label have the same text, so none can be held out; "
            "name rows to judge by with --validation-file"
        )
    return Data(names, trained.balance, kept, held)


def _rows(read: table.Table, names: tuple[str, ...]) -> list[Row]:
    ids = {name: number for number, name in enumerate(names)}
    return [(example.text, ids[example.label]) for example in read.examples]
