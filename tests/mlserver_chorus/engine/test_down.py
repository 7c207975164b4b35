"""A device that hangs, fails or loses its thread: everybody hears of it at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mlserver_chorus.engine import engine as engines
from mlserver_chorus.engine.engine import Engine, first_problem, get_engine
from mlserver_chorus.engine.errors import DeviceHung, DeviceLost
from mlserver_chorus.engine.types import Logits, Model, Request

from .conftest import MakeModel, checksum, forward_of, until

WATCHDOG = 0.2


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The only engine of the process, with a watchdog of little patience."""
    monkeypatch.setattr(engines, "_ENGINES", {})
    engine = get_engine("cpu", 1000, watchdog=WATCHDOG)
    yield engine
    engine.close(5)


@pytest.fixture
async def known(watched: Engine, make_model: MakeModel) -> Model:
    """A model whose first pass is behind it, and whose next one does not come back."""
    model = make_model("known")
    await watched.infer([model], ["first"])
    forward = forward_of(model)
    forward.gate.clear()
    forward.running.clear()
    return model


async def errors_of(*tasks: asyncio.Task[Any]) -> list[type]:
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    return [type(result) for result in results]


async def test_a_pass_that_does_not_come_back_is_given_up_until_it_does(
    watched: Engine, known: Model, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    assert first_problem() is None
    hangs = asyncio.create_task(watched.infer([known], ["hangs"]))
    assert await asyncio.to_thread(forward_of(known).running.wait, 10)
    waits = [asyncio.create_task(watched.infer([known], [f"{i}"])) for i in range(5)]
    assert await errors_of(hangs, *waits) == [DeviceHung, *[DeviceLost] * 5]
    assert "has not come back for" in (first_problem() or "")
    with pytest.raises(DeviceLost):
        await watched.infer([make_model("other")], ["text"])
    forward_of(known).gate.set()
    await until(lambda: first_problem() is None)
    (logits,) = await watched.infer([known], ["again"])
    assert np.array_equal(logits[0], checksum("again"))
    assert forward_of(known).batches == [["first"], ["hangs"], ["again"]]
    assert "came back" in caplog.text


async def test_a_first_pass_may_take_longer(watched: Engine, make_model: MakeModel) -> None:
    model = make_model("new", gate=False)
    task = asyncio.create_task(watched.infer([model], ["text"]))
    await asyncio.sleep(2.5 * WATCHDOG)
    assert first_problem() is None
    forward_of(model).gate.set()
    assert np.array_equal((await task)[0][0], checksum("text"))


async def test_closing_does_not_wait_for_what_hangs(watched: Engine, known: Model) -> None:
    task = asyncio.create_task(watched.infer([known], ["hangs"]))
    assert await errors_of(task) == [DeviceHung]
    await asyncio.wait_for(asyncio.to_thread(watched.close, 60), 10)


async def test_whoever_runs_when_closing_gives_up_is_answered(
    watched: Engine, make_model: MakeModel
) -> None:
    model = make_model("new", gate=False)
    task = asyncio.create_task(watched.infer([model], ["text"]))
    assert await asyncio.to_thread(forward_of(model).running.wait, 10)
    await asyncio.to_thread(watched.close, 0.05)
    assert [error.__name__ for error in await errors_of(task)] == ["EngineClosed"]


async def test_t35_a_lost_device_answers_everybody_at_once_and_nobody_later(
    watched: Engine, known: Model, make_model: MakeModel
) -> None:
    def lose(logits: Logits) -> Logits:
        raise RuntimeError("CUDA error: device-side assert triggered")

    forward_of(known).spoil = lose
    fails = asyncio.create_task(watched.infer([known], ["fails"]))
    assert await asyncio.to_thread(forward_of(known).running.wait, 10)
    waits = [asyncio.create_task(watched.infer([known], [f"{i}"])) for i in range(5)]
    await asyncio.sleep(0)
    forward_of(known).gate.set()
    assert await errors_of(fails, *waits) == [DeviceLost] * 6
    assert first_problem() == "the device failed"
    with pytest.raises(DeviceLost):
        await watched.infer([make_model("other")], ["text"])
    assert len(forward_of(known).batches) == 2, "the failed batch was tried again"


async def test_the_device_thread_does_not_end_unseen(
    watched: Engine, known: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(watched._device._batcher, "next_batch", end)
    forward_of(known).gate.set()
    task = asyncio.create_task(watched.infer([known], ["last"]))
    await errors_of(task)
    await until(lambda: first_problem() is not None)
    assert first_problem() == "the device thread has ended"
    with pytest.raises(DeviceLost):
        await watched.infer([known], ["text"])


async def test_a_bug_on_the_host_thread_is_answered(
    watched: Engine, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(entries: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(watched._device._batcher, "put", fail)
    task = asyncio.create_task(watched.infer([make_model()], ["text"]))
    assert [error.__name__ for error in await errors_of(task)] == ["InferenceFailed"]


async def test_who_is_accepted_while_it_goes_down_is_told(
    watched: Engine, known: Model, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may slip between those who are told and the line that nobody serves."""
    admission = watched._device._admission
    admit = admission.admit

    def slowly(request: Request, patience: float) -> list[Request]:
        while not first_problem():
            time.sleep(0.01)
        time.sleep(0.1)  # for the others to be told
        return admit(request, patience)

    hangs = asyncio.create_task(watched.infer([known], ["hangs"]))
    assert await asyncio.to_thread(forward_of(known).running.wait, 10)
    monkeypatch.setattr(admission, "admit", slowly)
    slips = asyncio.create_task(watched.infer([make_model("other")], ["text"]))
    assert await errors_of(hangs, slips) == [DeviceHung, DeviceLost]
