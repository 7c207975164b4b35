from __future__ import annotations

import pytest

from mlserver_chorus.engine import memory

from .conftest import sample

MEMORY = "chorus_engine_memory_bytes"


def test_the_resident_memory_of_the_process_is_shown() -> None:
    before = sample(MEMORY, device="cpu", kind="resident")
    held = bytearray(64 << 20)
    grown = sample(MEMORY, device="cpu", kind="resident") - before
    assert grown >= len(held) / 2
    assert before > 1 << 20


@pytest.mark.gpu
def test_what_tensors_take_of_a_gpu_is_shown() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    tensor = torch.zeros(1 << 20, device="cuda:0")
    held = {(device, kind): size for device, kind, size in memory.held()}
    assert held["cuda:0", "allocated"] >= tensor.numel() * 4
    assert held["cuda:0", "total"] >= held["cuda:0", "reserved"] >= held["cuda:0", "allocated"]
