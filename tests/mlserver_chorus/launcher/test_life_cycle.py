"""What the launcher does by itself while it serves; tests/reliability has the rest."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mlserver_chorus.engine import memory
from mlserver_chorus.launcher import life_cycle


async def test_memory_is_given_back_again_and_again_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trimmed: list[threading.Thread] = []
    monkeypatch.setattr(memory, "trim", lambda: trimmed.append(threading.current_thread()))
    monkeypatch.setattr(life_cycle, "TRIM_EVERY", 0.001)
    trimming = asyncio.create_task(life_cycle._trim())
    while len(trimmed) < 3:
        await asyncio.sleep(0.001)
    trimming.cancel()
    assert threading.main_thread() not in trimmed
