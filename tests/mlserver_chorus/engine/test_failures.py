"""What failures of a forward pass are taken for."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mlserver_chorus.engine.failures import Kind, WrongRows, kind_of

ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 99 bytes. Error code 12 (Cannot allocate memory)"
)


def of_the_cpu_allocator() -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    return caught.value


def of_numpy() -> BaseException:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, dtype=np.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WrongRows(), Kind.ROWS),
        (ValueError("not finite"), Kind.TEXT),
        (RuntimeError("index out of range in self"), Kind.TEXT),
        (MemoryError(), Kind.MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), Kind.MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), Kind.MEMORY),
        (RuntimeError(ALLOCATOR), Kind.MEMORY),
        (RuntimeError("CUDA error: out of memory"), Kind.MEMORY),
        (torch.AcceleratorError("CUDA error: out of memory"), Kind.MEMORY),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling x"), Kind.MEMORY),
        (RuntimeError("CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling x"), Kind.TEXT),
        (RuntimeError("CUDA error: device-side assert triggered\nfor debugging"), Kind.DEVICE),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), Kind.DEVICE),
    ],
)
def test_each_failure_has_its_kind(error: BaseException, kind: Kind) -> None:
    assert kind_of(error) is kind


def test_real_allocators_run_out_of_memory() -> None:
    assert kind_of(of_the_cpu_allocator()) is Kind.MEMORY
    assert kind_of(of_numpy()) is Kind.MEMORY


@pytest.mark.parametrize(
    "words", ["CUDA error: device-side assert", "CUDA out of memory", ALLOCATOR]
)
def test_no_text_can_pass_for_a_broken_device(words: str) -> None:
    """A message that quotes what a caller wrote."""
    assert kind_of(RuntimeError(f"cannot stand {words}")) is Kind.TEXT
    assert kind_of(ValueError(words)) is Kind.TEXT


@pytest.mark.parametrize("sticks", [True, False])
def test_a_device_that_still_works_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, sticks: bool
) -> None:
    def synchronize() -> None:
        if sticks:
            raise RuntimeError("CUDA error: device-side assert triggered")

    cuda = SimpleNamespace(is_initialized=lambda: True, synchronize=synchronize)
    standin: Any = SimpleNamespace(cuda=cuda)
    monkeypatch.setitem(sys.modules, "torch", standin)
    kind = kind_of(RuntimeError("CUDA error: invalid configuration argument"))
    assert kind is (Kind.DEVICE if sticks else Kind.TEXT)


def test_without_torch_the_words_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    assert kind_of(RuntimeError("CUDA error: device-side assert triggered")) is Kind.DEVICE
    assert kind_of(MemoryError()) is Kind.MEMORY
    assert kind_of(ValueError()) is Kind.TEXT
