"""Whether inputs may share a forward pass: seen when a model is loaded, not assumed.

Padding, or a batch alone, changes the answers of some architectures and checkpoints.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import torch

from ..engine.exactness import TOLERANCE
from .calls import CALLS
from .tasks import Input, Task

logger = logging.getLogger("mlserver.chorus")

_TEXTS = ("a", "Some words, 👍 and more of them. " * 6, "A short text.", "b c " * 40)
_SIZES = ((64, 48), (40, 90), (64, 48))


def rows(pipe: Any, task: Task, most: int) -> int:
    """`most`, or 1 where the probes' answers are others together than alone."""
    call = CALLS[task.call]
    probes, options = _probes(pipe, task), _options(task)
    try:
        with torch.inference_mode():
            alone = [call(pipe, [probe], options, 1)[0] for probe in probes]
            together = call(pipe, probes, options, len(probes))
    except Exception as error:
        logger.info("no batches: %s", type(error).__name__)
        return 1
    return most if equal(alone, together) else 1


def equal(ours: Any, theirs: Any) -> bool:
    """The same answers; numbers within the tolerance that holds for all of Chorus."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return ours.keys() == theirs.keys() and all(equal(v, theirs[k]) for k, v in ours.items())
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(equal, ours, theirs))
    try:
        return math.isclose(ours, theirs, rel_tol=0.0, abs_tol=TOLERANCE)
    except TypeError:
        return bool(ours == theirs)


def _probes(pipe: Any, task: Task) -> list[Any]:
    if task.takes is Input.IMAGE:
        from PIL import Image

        return [Image.effect_noise(size, 64).convert("RGB") for size in _SIZES]
    if task.name == "fill-mask":
        return [f"{pipe.tokenizer.mask_token} {text}" for text in _TEXTS]
    return list(_TEXTS)


def _options(task: Task) -> dict[str, Any]:
    return {"candidate_labels": ["a", "some longer words"]} if task.required else {}
