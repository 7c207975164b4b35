"""T14: a forward that gives other rows than one per text answers nobody of its batch."""

from __future__ import annotations

import pytest
from tests.conftest import Runtime
from tests.live.callers import clients_of
from tests.live.protocol import request, tensor
from tests.reliability.devices import as_one_batch, assert_own, counted

WRONG = "chorus_engine_wrong_rows_total"


@pytest.mark.parametrize("rows", [-1, 2])
async def test_t14_rows_too_few_or_too_many_are_nobodys(faulty: Runtime, rows: int) -> None:
    texts = [*(f"caller {n}" for n in range(7)), f"rows:{rows}"]
    before = counted(faulty, WRONG)
    async with clients_of(faulty) as clients:
        asked = [request(tensor([text])) for text in texts]
        answers, passes = await as_one_batch(faulty, clients, asked)
        for answer in answers:
            assert (answer.status, answer.outputs) == (500, {})
            assert answer.error == "model left gave another number of answers than of texts"
        assert counted(faulty, WRONG) == before + 1
        # As many as failed with it: the one pass was not tried again.
        assert passes == len(texts)
        assert_own(await clients.rest(request(tensor(["next"])), "left"), "next")
