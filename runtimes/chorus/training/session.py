"""From a job to a model in the models folder."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers.utils import logging as transformers_logging

from chorus.errors import UsageError
from chorus.options import DEVICE
from chorus.training import base, card, confusion, data, publish, results, scratch
from chorus.training.data import Data
from chorus.training.job import Job
from chorus.training.place import Place
from chorus.training.progress import TrainingProgress
from chorus.training.run import Outcome, Watcher, run
from chorus.training.start import Start
from chorus.training.tracker import Tracker, Untracked, Watchers
from chorus.training.workspace import Workspace
from chorus_weights import lock as locks


def train(
    job: Job,
    place: Place,
    *,
    device: str | None,
    is_length_chosen: bool,
    console: Console,
    tracker: Tracker | None = None,
) -> dict[str, Any]:
    """Train, judge and publish; the results. Progress goes to the console, and to the tracker.

    The state of a model that the tracker could not write down whole is kept.

    Unless its length was chosen, texts are cut where the base cuts them, if that is shorter.
    Raises UsageError, WeightsError, and KeyboardInterrupt, after which the same call goes on.
    """
    chosen = _device(device)
    place.require_free(job.name)
    read = data.read(job)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    with Workspace(place.into, job.name) as space:
        if place.fresh:
            space.forget()
        start = _start(job, read, place.into / locks.NAME, console)
        job = _with_length(job, start.limit, is_chosen=is_length_chosen)
        with (tracker or Untracked()).run(job, read, start, space.folder) as tracked:
            with TrainingProgress(console, job.recipe.epochs) as shown:
                outcome = _run(job, read, start, chosen, space, Watchers(shown, tracked))
            start.model.to("cpu")
            picture = space.folder / "confusion.png"
            confusion.draw(outcome.scores, picture)
            document = results.document(job, read, start, outcome)
            written = card.model_card(job, read, start, outcome)
            folder = publish.publish(place.into, space, start, document, written, picture)
            if tracked.published(folder, document):
                space.done()
    return document


def _run(
    job: Job,
    read: Data,
    start: Start,
    device: torch.device,
    space: Workspace,
    watcher: Watcher,
) -> Outcome:
    try:
        return run(job, read, start, device, space, watcher)
    except torch.OutOfMemoryError:
        raise UsageError(
            "the GPU's memory is full; choose a smaller --batch-size or --max-length"
        ) from None
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise UsageError(
            "an operation of this base is not the same twice on a GPU; train with --device cpu"
        ) from None


def _device(name: str | None) -> torch.device:
    """The device of that name, else a GPU if there is one. Raises UsageError."""
    # Without it, products on a GPU are not the same twice; read when the GPU is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not DEVICE.fullmatch(name):
        raise UsageError(f"--device {name} is not cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: this machine has no such GPU")
    return device


def _start(job: Job, read: Data, lock: Path, console: Console) -> Start:
    if job.base is None:
        # More threads only wait for each other in a model this small.
        torch.set_num_threads(1)
        return scratch.start([text for text, _ in read.kept], len(read.names), job.seed)
    folder, origin = base.fetch(job.base, lock, console)
    return base.start(folder, origin, len(read.names), job.seed)


def _with_length(job: Job, limit: int, *, is_chosen: bool) -> Job:
    length = job.recipe.max_length
    if length > limit and is_chosen:
        raise UsageError(f"--max-length {length}: the model takes at most {limit} tokens")
    recipe = dataclasses.replace(job.recipe, max_length=min(length, limit))
    return dataclasses.replace(job, recipe=recipe)
