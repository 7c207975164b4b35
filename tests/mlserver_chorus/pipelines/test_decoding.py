"""Files are decoded off the event loop, when there is room, and the room is given back."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from tests.chorus_gateway.media.files import png

from mlserver_chorus.engine.errors import Overloaded
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import media
from mlserver_chorus.pipelines.decoding import Decoding, of_process
from mlserver_chorus.pipelines.undecoded import Undecoded, decoded

SIZE = (100, 100)
LIMIT = 28 * 100 * 100  # one image, while it is being decoded
PATIENCE = 60.0


def asked(size: tuple[int, int] = SIZE) -> tuple[media.Budget, Undecoded]:
    budget = media.Budget(1_000_000, 60.0)
    return budget, media.image(png(size), "f", budget)


async def hold(decoding: Decoding, begun: asyncio.Event, end: asyncio.Event) -> None:
    budget, image = asked()
    async with decoding.memory(budget, lambda: decoded(image), caller="a", patience=PATIENCE):
        begun.set()
        await end.wait()


async def decode(decoding: Decoding, patience: float = 0.05, work: Any = None) -> Any:
    budget, image = asked()
    made = work or (lambda: decoded(image))
    async with decoding.memory(budget, made, caller="b", patience=patience) as ready:
        return ready


async def test_decoding_is_not_the_event_loop_s_work() -> None:
    decoding = Decoding(LIMIT)
    where = await decode(decoding, work=threading.current_thread)
    assert where.name.startswith("media")
    assert where is not threading.current_thread()


async def test_what_is_decoded_takes_less_than_what_is_being_decoded() -> None:
    decoding, begun, end = Decoding(LIMIT + 4 * 100 * 100), asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(hold(decoding, begun, end))
    await begun.wait()
    assert (await decode(decoding)).size == SIZE
    end.set()
    await holder


async def test_without_room_a_request_waits_and_is_then_refused() -> None:
    decoding, begun, end = Decoding(LIMIT), asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(hold(decoding, begun, end))
    await begun.wait()
    with pytest.raises(Overloaded, match="try again"):
        await decode(decoding)
    waiting = asyncio.create_task(decode(decoding, PATIENCE))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    end.set()
    assert (await waiting).size == SIZE
    await holder


async def test_room_is_given_back_after_a_failure() -> None:
    decoding = Decoding(LIMIT)

    def fail() -> None:
        raise InvalidRequest("f", "broken")

    with pytest.raises(InvalidRequest, match="broken"):
        await decode(decoding, work=fail)
    assert (await decode(decoding)).size == SIZE


async def test_room_is_given_back_by_a_caller_that_leaves() -> None:
    decoding, begun = Decoding(LIMIT), asyncio.Event()
    holder = asyncio.create_task(hold(decoding, begun, asyncio.Event()))
    await begun.wait()
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    assert (await decode(decoding)).size == SIZE


async def test_what_never_fits_is_the_caller_s_to_know() -> None:
    with pytest.raises(InvalidRequest, match="CHORUS_MAX_DECODED_BYTES"):
        await decode(Decoding(LIMIT - 1), PATIENCE)


def test_the_process_has_one() -> None:
    assert of_process(5) is of_process(5)


def test_only_files_are_decoded() -> None:
    image = Undecoded("f", lambda: "an image")
    given = [{"image": image, "question": "q"}, [image, "a"], "text", 3, None]
    assert decoded(given) == [
        {"image": "an image", "question": "q"},
        ["an image", "a"],
        "text",
        3,
        None,
    ]
