"""Models of one shape that read the same tokens, side by side: one call per operation for all.

A narrow model spends most of its time between operations, so that four at once take little longer
than one. A wide one gains nothing, and then each stays alone: measured, not guessed.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from . import exactness, graphs, warmup
from .forward_packed import PackedForward
from .types import Model, Part

logger = logging.getLogger("mlserver.chorus")

# What side by side must save of the time.
_WORTH = 0.1


def merge(models: Iterable[Model]) -> list[Part]:
    """The sets among the models that give the same answers side by side, and sooner.

    Their weights are stacked; each model keeps working alone, on views of the stack.
    """
    alike: dict[Hashable, list[Model]] = {}
    for model in models:
        if isinstance(model.forward, PackedForward):
            alike.setdefault((id(model.tokenizer), model.forward.shape), []).append(model)
    return [part for same in alike.values() if len(same) > 1 and (part := _part(same))]


def separate(models: Sequence[Model]) -> None:
    """Give models that were merged weights of their own again, so that each can be freed alone."""
    for model in models:
        if isinstance(model.forward, PackedForward):
            model.forward.unshare()
            graphs.record(model.forward, model.batch_tokens, model.tokenizer)


def _part(models: Sequence[Model]) -> Part | None:
    try:
        part = _if_it_pays(models)
    except Exception:
        separate(models)
        raise
    if part is None:
        separate(models)
    return part


def _if_it_pays(models: Sequence[Model]) -> Part | None:
    alone = [model.forward for model in models if isinstance(model.forward, PackedForward)]
    tokenizer = models[0].tokenizer
    before = sum(warmup.seconds(forward, tokenizer) for forward in alone)
    together = PackedForward.merged(alone)
    warmup.choose_threads(together, tokenizer)
    part = Part(tuple(models), together)
    saved = 1 - warmup.seconds(together, tokenizer) / before
    if saved < _WORTH or not _exact(part, alone):
        logger.info("%s run one after another", part.name)
        return None
    logger.info("%s run side by side: %.0f %% of the time saved", part.name, 100 * saved)
    budget = max(model.batch_tokens for model in models)
    for forward in (together, *alone):
        graphs.record(forward, budget, tokenizer)
    return part


def _exact(part: Part, alone: Sequence[PackedForward]) -> bool:
    """Whether every model gives the same answers side by side as alone."""
    probes = part.tokenizer.encode(exactness.PROBES)
    inputs = part.forward.collate(probes)
    ours = part.split(part.forward(inputs))
    differences = [
        exactness.difference(mine, forward(inputs), model.activation)
        for mine, forward, model in zip(ours, alone, part.models, strict=True)
    ]
    worst = float(np.max(differences))
    if not worst <= exactness.TOLERANCE:  # nor when it is not a number
        logger.warning("chorus: %s differ side by side by %.1e", part.name, worst)
        return False
    return True
