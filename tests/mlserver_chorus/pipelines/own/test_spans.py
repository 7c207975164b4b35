"""The span search against one that tries every span."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from mlserver_chorus.pipelines.own.spans import best_spans, probabilities


@pytest.mark.parametrize("longest", [1, 3, 20])
@pytest.mark.parametrize("count", [1, 4, 1000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_best_spans_are_those_of_a_full_search(seed: int, count: int, longest: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    starts, ends = torch.rand(2, 12, generator=generator)
    context = torch.rand(12, generator=generator) > 0.3
    tried = [
        (float(starts[first] * ends[last]), first, last)
        for first, last in product(range(12), repeat=2)
        if context[first] and context[last] and first <= last < first + longest
    ]
    expected = sorted(tried, reverse=True)[:count]
    found = best_spans(starts, ends, context, longest=longest, count=count)
    assert [(span.first, span.last) for span in found] == [span[1:] for span in expected]
    assert [span.score for span in found] == pytest.approx([span[0] for span in expected])


def test_without_a_token_to_answer_with_there_is_no_span() -> None:
    nothing = torch.zeros(4, dtype=torch.bool)
    assert best_spans(torch.rand(4), torch.rand(4), nothing, longest=9, count=3) == []


def test_only_weighed_tokens_have_a_probability() -> None:
    weighed = torch.tensor([True, False, True])
    found = probabilities(torch.tensor([1.0, 50.0, 2.0]), weighed)
    assert found[1] == 0
    assert found[[0, 2]].tolist() == pytest.approx(torch.tensor([1.0, 2.0]).softmax(0).tolist())
    assert probabilities(torch.rand(3), ~torch.ones(3, dtype=torch.bool)).tolist() == [0, 0, 0]
