"""Who may wait, who must go, and what it costs to say no."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mlserver_chorus.engine.admission import Admission, Bounds
from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.errors import Overloaded
from mlserver_chorus.engine.pace import Pace
from mlserver_chorus.engine.types import Entry, Model, Request

from .conftest import CharTokenizer, MakeModel, checksum, forward_of, occupy, sample, until

REFUSED = "chorus_engine_refused_requests_total"
PATIENT = 1000.0


def request(texts: int = 1, key: str = "", characters: int = 40) -> Request:
    """Of one model; 40 characters are 12 tokens before any text was seen."""
    part: Any = SimpleNamespace(models=[0], labels=1, tokenizer=SimpleNamespace(limit=512))
    loop: Any = None
    future: Any = SimpleNamespace(done=lambda: False)
    return Request((part,), ["x" * characters] * texts, loop, future, key)


class Door:
    """An admission with a pace that is known."""

    def __init__(self, per_second: float | None = None, **bounds: Any) -> None:
        self.pace = Pace()
        self.pace.expect(per_second)
        self.admission = Admission(Bounds(**bounds), self.pace)

    def admit(self, *requests: Request, patience: float = PATIENT) -> list[Request]:
        return [loser for each in requests for loser in self.admission.admit(each, patience)]

    def refuses(self, refused: Request, reason: str, patience: float = PATIENT) -> None:
        before = sample(REFUSED, reason=reason)
        with pytest.raises(Overloaded):
            self.admission.admit(refused, patience)
        assert sample(REFUSED, reason=reason) == before + 1

    def take(self, taken: Request, texts: int = 1) -> None:
        tokens = taken.tokens_waiting // taken.texts_waiting
        self.admission.taken([Entry(taken, row, (), tokens) for row in range(texts)])

    @property
    def counts(self) -> tuple[int, int]:
        return self.admission.texts, self.admission.tokens


def test_so_many_texts_may_wait_however_slow_the_device_is() -> None:
    door = Door(1.0, texts=10)
    door.admit(*(request() for _ in range(10)))
    door.refuses(request(), "time")


def test_more_may_wait_when_the_device_does_them_in_time() -> None:
    door = Door(12 * 50, texts=10, seconds=1.0)
    door.admit(*(request() for _ in range(50)))
    door.refuses(request(), "time")
    assert door.counts == (50, 600)


def test_before_anything_is_measured_only_the_other_bounds_hold() -> None:
    door = Door(texts=10, tokens=1200)
    door.admit(*(request() for _ in range(100)))
    door.refuses(request(), "tokens")


def test_texts_in_flight_are_the_outermost_bound() -> None:
    door = Door(1e9, in_flight=5)
    door.admit(given := request(5))
    door.take(given, 5)
    door.refuses(request(), "in_flight")
    door.admission.leave(given)
    door.admit(request())


def test_a_large_request_is_welcome_when_nobody_waits() -> None:
    door = Door(10_000.0, texts=10, tokens=100)
    door.admit(large := request(1000))
    door.refuses(request(), "tokens")
    door.take(large, 1000)
    assert door.counts == (0, 0)
    door.admit(request(1000))


def test_who_would_be_late_is_refused_at_once() -> None:
    door = Door(12.0, texts=100)
    door.admit(*(request() for _ in range(5)))
    door.refuses(request(), "late", patience=4.0)
    door.admit(request(), patience=6.0)


def test_whose_turn_comes_soon_is_not_late_behind_a_greedy_key() -> None:
    door = Door(12.0, texts=1000)
    door.admit(*(request(key="greedy") for _ in range(100)))
    door.refuses(request(key="greedy"), "late", patience=4.0)
    door.admit(request(key="modest"), patience=4.0)


def test_a_modest_key_takes_the_place_of_the_greedy_ones_newest() -> None:
    door = Door(1.0, texts=10)
    greedy = [request(key="greedy") for _ in range(10)]
    door.admit(*greedy)
    assert door.admit(request(key="modest")) == [greedy[-1]]
    assert door.admit(request(key="modest")) == [greedy[-2]]
    assert door.counts == (10, 120)
    assert greedy[-1].texts_waiting == 0


def test_nobody_gets_more_than_a_fair_share_in_place_of_others() -> None:
    door = Door(1.0, texts=10)
    door.admit(*(request(key="greedy") for _ in range(10)))
    for _ in range(5):
        assert len(door.admit(request(key="modest"))) == 1
    door.refuses(request(key="modest"), "time")
    door.refuses(request(key="greedy"), "time")


def test_what_has_begun_is_taken_from_nobody() -> None:
    door = Door(1.0, texts=10)
    begun, waits = request(8, key="greedy"), request(2, key="greedy")
    door.admit(begun, waits)
    door.take(begun)
    door.admit(request(key="greedy"))
    assert door.admit(request(2, key="modest")) != [begun]
    assert begun.texts_waiting == 7


def test_a_large_request_is_not_thrown_out_for_a_small_one() -> None:
    """It has nothing else: its key would be left with less than a fair share."""
    door = Door(1.0, texts=10)
    door.admit(large := request(20, key="greedy"))
    door.refuses(request(key="modest"), "time")
    assert large.texts_waiting == 20


def test_nobody_is_refused_in_vain() -> None:
    """The greedy key has too little that could be taken from it to make the room."""
    door = Door(1.0, texts=10)
    begun, waits = request(9, key="greedy"), request(1, key="greedy")
    door.admit(begun, waits)
    door.take(begun)
    door.admit(request(key="greedy"))
    door.refuses(request(5, key="modest"), "time")
    assert waits.texts_waiting == 1


def test_what_the_texts_are_estimated_at_is_corrected_and_learned_from() -> None:
    door = Door()
    door.admit(given := request(characters=100))
    assert door.counts == (1, 27)
    assert door.admission.tokenised(given, 100)
    assert door.counts == (1, 100)
    for _ in range(100):
        door.admission.tokenised(given, 100)
    door.admit(request(characters=100))
    assert door.counts[1] == pytest.approx(200, abs=3)


def test_texts_that_turn_out_too_long_are_refused_then() -> None:
    door = Door(tokens=100)
    first, second = request(), request()
    door.admit(first, second)
    assert not door.admission.tokenised(second, 99)
    assert door.counts == (1, 12)
    assert door.admission.tokenised(first, 1000), "alone, it may be as large as it likes"


def test_whoever_leaves_takes_along_what_still_waits() -> None:
    door = Door()
    door.admit(given := request(10))
    door.take(given, 3)
    assert door.counts == (7, 84)
    door.admission.leave(given)
    assert door.counts == (0, 0)
    assert door.admission.waiting() == []
    assert not door.admission._held


# ------------------------------------------------------------------------ through the engine


@pytest.fixture
def narrow() -> Iterator[Engine]:
    engine = Engine("narrow", 1000, Bounds(texts=20, seconds=0.001))
    yield engine
    engine.close(5)


async def fill(engine: Engine, model: Model, count: int, key: str = "") -> list[asyncio.Task[Any]]:
    """So many texts in line."""
    before = engine._device._admission.texts
    tasks = [
        asyncio.create_task(engine.infer([model], [f"{key}{i}"], key=key)) for i in range(count)
    ]
    await until(lambda: engine._device._admission.texts == before + count)
    return tasks


def show_pace(engine: Engine, per_second: float) -> None:
    engine._device._pace.expect(per_second)


async def test_a_flood_is_refused_before_it_is_tokenised(
    narrow: Engine, make_model: MakeModel
) -> None:
    tokenizer = CharTokenizer()
    busy = make_model("busy", tokenizer, gate=False)
    show_pace(narrow, 100.0)
    occupied = await occupy(narrow, busy)
    waiting = await fill(narrow, busy, 20)
    await until(lambda: tokenizer.calls == 21)
    flood = [narrow.infer([busy], [f"flood {i}"]) for i in range(500)]
    results = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(result) for result in results} == {Overloaded}
    assert tokenizer.calls == 21
    assert narrow._device._admission.texts == 20
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, *waiting)
    (logits,) = await narrow.infer([busy], ["welcome again"])
    assert (logits[0] == checksum("welcome again")).all()


async def test_a_modest_caller_is_let_in_and_served_before_the_flood(
    narrow: Engine, make_model: MakeModel
) -> None:
    busy = make_model("busy", gate=False, max_rows=1)
    show_pace(narrow, 100.0)
    occupied = await occupy(narrow, busy)
    greedy = await fill(narrow, busy, 20, "greedy" * 40)
    modest = asyncio.create_task(narrow.infer([busy], ["modest"], key="modest"))
    refused = (await asyncio.wait(greedy, return_when=asyncio.FIRST_COMPLETED))[0]
    assert refused == {greedy[-1]}
    assert isinstance(greedy[-1].exception(), Overloaded)
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, modest, *greedy[:-1])
    order = [text for batch in forward_of(busy).batches for text in batch]
    # Behind what the device had, the batch that was ready, and one turn of the other's.
    assert order.index("modest") <= 4
    assert len(order) == 21


async def test_the_metrics_show_who_waits(narrow: Engine, make_model: MakeModel) -> None:
    busy = make_model("busy", gate=False)
    occupied = await occupy(narrow, busy)
    waiting = await fill(narrow, busy, 7)
    tokens = 7 * len("0")
    await until(lambda: sample("chorus_engine_waiting_tokens", device="narrow") == tokens)
    assert sample("chorus_engine_waiting_texts", device="narrow") == 7
    assert sample("chorus_engine_waiting_seconds", device="narrow") > 0
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, *waiting)
    assert sample("chorus_engine_waiting_texts", device="narrow") == 0
    assert sample("chorus_engine_waiting_seconds", device="narrow") == 0


async def test_the_age_of_a_queue_is_that_of_the_name_that_was_asked(
    narrow: Engine, make_model: MakeModel
) -> None:
    busy = make_model("busy", gate=False)
    occupied = await occupy(narrow, busy)
    await fill(narrow, busy, 2)  # one batch is prepared, and one more text waits
    asked = asyncio.create_task(narrow.infer([busy], ["text"], asked="both"))
    await until(lambda: narrow.queue_age("both") > 0)
    assert narrow.queue_age("") > narrow.queue_age("both"), "who came first has waited longest"
    assert narrow.queue_age("another") == 0
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, asked)
    assert narrow.queue_age("both") == 0


async def test_who_has_left_takes_nobodys_place(narrow: Engine, make_model: MakeModel) -> None:
    busy = make_model("busy", gate=False)
    show_pace(narrow, 100.0)
    occupied = await occupy(narrow, busy)
    for leaving in await fill(narrow, busy, 20):
        leaving.cancel()
    await until(lambda: narrow._device._admission.texts == 0)
    stays = await fill(narrow, busy, 20)
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, *stays)


def test_a_full_line_refuses_before_anything_is_read() -> None:
    door = Door(1.0, texts=10)
    door.admission.require_room("")
    door.admit(*(request() for _ in range(9)))
    door.admission.require_room("")
    door.admit(request())
    with pytest.raises(Overloaded):
        door.admission.require_room("")


def test_who_may_take_anothers_place_is_read() -> None:
    door = Door(1.0, texts=10)
    door.admit(*(request(key="greedy") for _ in range(10)))
    door.admission.require_room("modest")
    assert door.admit(request(key="modest"))
