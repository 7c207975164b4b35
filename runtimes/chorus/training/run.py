"""A run from its first epoch, or from where it was left, to its best weights."""

import hashlib
import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch

from chorus.errors import UsageError
from chorus.training import early_stop
from chorus.training.data import Data
from chorus.training.early_stop import Epoch
from chorus.training.fit import Fit, deterministic
from chorus.training.job import Job
from chorus.training.saving import name_labels
from chorus.training.scores import Scores, judge
from chorus.training.start import Start
from chorus.training.workspace import Workspace


class Watcher(Protocol):
    """Who is told how far a run is."""

    def resumed(self, history: Sequence[Epoch]) -> None:
        """An earlier process has done these epochs."""

    def began(self, epoch: int, steps: int) -> None:
        """An epoch, from 1, begins."""

    def stepped(self, loss: float) -> None:
        """A step of it is done."""

    def ended(self, epoch: int, result: Epoch) -> None:
        """It is done, and will not be lost."""


@dataclass(frozen=True)
class Outcome:
    """Every epoch, which was the best (from 1), and what its weights say to the held-out rows."""

    history: tuple[Epoch, ...]
    best: int
    scores: Scores


def run(
    job: Job, data: Data, start: Start, device: torch.device, space: Workspace, watcher: Watcher
) -> Outcome:
    """Train the model of `start`; it has the best epoch's weights in the end.

    On one machine, with one number of torch threads, the same job comes to the same weights,
    wherever it was interrupted. Raises UsageError when the workspace holds another job's run.
    """
    model = start.model.to(device)
    name_labels(model, data.names)
    key = _key(job, data, start)
    with deterministic(job.seed, device):
        fit = Fit(
            model,
            start.tokenizer,
            data.kept,
            job.recipe,
            random.Random(job.seed),  # noqa: S311 - shuffles texts, guards nothing
            class_weights=torch.tensor(data.class_weights()) if job.balanced else None,
        )
        history, best = _restored(space.load(key), fit)
        if history:
            watcher.resumed(history)
        while not early_stop.is_over(history, job.recipe.epochs, job.patience):
            loss = _epoch(fit, len(history) + 1, watcher)
            scores = judge(model, start.tokenizer, data.held, data.names, job.recipe)
            history.append(Epoch(loss, scores.loss, scores.macro_f1))
            if early_stop.best(history) == len(history) - 1:
                best = {name: tensor.cpu().clone() for name, tensor in model.state_dict().items()}
            state = {"history": [list(asdict(epoch).values()) for epoch in history], "best": best}
            space.save({**state, "fit": fit.state()}, key)
            watcher.ended(len(history), history[-1])
        model.load_state_dict(best)
        scores = judge(model, start.tokenizer, data.held, data.names, job.recipe)
    return Outcome(tuple(history), early_stop.best(history) + 1, scores)


def _epoch(fit: Fit, number: int, watcher: Watcher) -> float:
    """Train for an epoch; its mean loss."""
    watcher.began(number, fit.steps)
    total = 0.0
    for loss in fit.epoch():
        watcher.stepped(loss)
        total += loss
    if not math.isfinite(total):
        raise UsageError("the loss is no number any more; choose a lower --learning-rate")
    return total / fit.steps


def _restored(state: dict[str, Any] | None, fit: Fit) -> tuple[list[Epoch], dict[str, Any]]:
    """The epochs that are done, and the best one's weights."""
    if state is None:
        return [], {}
    fit.restore(state["fit"])
    return [Epoch(*values) for values in state["history"]], state["best"]


def _key(job: Job, data: Data, start: Start) -> str:
    """The same for the same rows and options alone."""
    content = json.dumps([job.command, data.digest, start.origin])
    return hashlib.sha256(content.encode()).hexdigest()
