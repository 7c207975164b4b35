"""The function between the two wide products of a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

# Elements of the smallest piece; widths are multiples of 64, so that few sizes are left below.
LEAST = 512


def of(module: Any, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The module's own function, or what gives the same in place and faster; it owns its input."""
    if device.type == "cpu" and getattr(module, "act", None) is F.gelu:
        return gelu
    function: Callable[[Tensor], Tensor] = module
    return function


def gelu(x: Tensor) -> Tensor:
    """GELU in place, in pieces of 2^n elements.

    oneDNN compiles a kernel for every size that it meets, in 0.1 ms, and keeps a thousand of them
    between our rows; no two batches are of one size, their pieces are of some twelve.
    """
    rows = x.view(-1)
    start, end = 0, rows.numel()
    while end - start >= LEAST:
        size = 1 << (end - start).bit_length() - 1
        torch.ops.aten.gelu_(rows[start : start + size])
        start += size
    if start < end:
        torch.ops.aten.gelu_(rows[start:])
    return x
