"""Memory that the system gets back."""

from __future__ import annotations

import ctypes
import gc
import weakref
from typing import Any

import numpy as np
import psutil
import pytest

from mlserver_chorus.engine import memory
from mlserver_chorus.engine.engine import Engine

from .conftest import MakeModel, until

MEBIBYTE = 1 << 20


def resident() -> float:
    return float(psutil.Process().memory_info().rss) / MEBIBYTE


def test_what_was_freed_goes_back_to_the_system() -> None:
    """Blocks too small to be mapped one by one, below one that stays: the heap cannot shrink."""
    blocks = [np.ones(64 * 1024, np.uint8) for _ in range(3200)]
    stays, full = blocks[-1], resident()
    blocks.clear()
    gc.collect()
    kept = resident()
    memory.give_back()
    assert stays is not None
    assert kept > full - 100, "this allocator keeps nothing: the test shows nothing"
    assert resident() < full - 150


def test_without_the_function_of_glibc_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    memory.give_back()


async def test_a_model_is_gone_before_its_memory_is_given_back(
    engine: Engine, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    tokenizer = weakref.ref(make_model("goes").tokenizer)
    monkeypatch.setattr(memory, "give_back", lambda: found.append(tokenizer()))
    assert tokenizer() is not None
    model = engine.model("goes")
    engine.unload(model)
    del model
    await until(lambda: found)
    assert found == [None]
