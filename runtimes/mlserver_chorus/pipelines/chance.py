"""Random numbers that a request may fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

# torch has one generator per device, which all threads share.
_SEEDED = Lock()


@contextmanager
def seeded(device: torch.device, seed: int | None) -> Iterator[None]:
    """Random numbers from `seed`; afterwards the process's own go on as if nothing had been.

    Repeatable as long as no other model of the process samples at the same moment.
    """
    if seed is None:
        yield
        return
    with _SEEDED, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
