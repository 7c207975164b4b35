"""What a job would train, told without training it."""

from typing import Any

from chorus.training import data
from chorus.training.job import Job
from chorus.training.place import Place


def plan(job: Job, place: Place) -> dict[str, Any]:
    """What would be trained: the balance of the labels, the split, the command. Writes nothing.

    Raises UsageError.
    """
    place.require_free(job.name)
    read = data.read(job)
    return {
        "name": job.name,
        "command": job.command,
        "rows": read.balance,
        "trained_rows": len(read.kept),
        "validation_rows": len(read.held),
    }
