"""T15: a text that its model cannot stand fails alone, at the price of a few passes more."""

from __future__ import annotations

import math

import pytest
from tests.conftest import Runtime
from tests.live.callers import clients_of
from tests.live.protocol import request, tensor
from tests.reliability.devices import as_one_batch, assert_own


@pytest.mark.parametrize(("callers", "guilty"), [(8, {5}), (32, {31}), (32, {7, 20})], ids=str)
async def test_t15_the_others_of_a_poisoned_batch_are_answered(
    faulty: Runtime, callers: int, guilty: set[int]
) -> None:
    texts = [f"caller {n}" + (" poison" if n in guilty else "") for n in range(callers)]
    async with clients_of(faulty) as clients:
        asked = [request(tensor([text])) for text in texts]
        answers, passes = await as_one_batch(faulty, clients, asked)
    for number, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        if number in guilty:
            assert (answer.status, answer.error) == (500, "model left failed on this input")
        else:
            assert_own(answer, text)
    extra = passes - 1
    most = len(guilty) * (2 * math.ceil(math.log2(callers)) + 1)
    assert 1 <= extra <= most, f"{extra:g} passes more"
