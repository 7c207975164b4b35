"""What the other tests here stand on: the faulty models answer, and fail as they are told."""

from __future__ import annotations

import httpx
import pytest
from tests.conftest import Runtime
from tests.live.protocol import Rest, request, tensor


@pytest.fixture
def rest(faulty: Runtime) -> Rest:
    return Rest(httpx.Client(base_url=faulty.url, timeout=30))


def test_answers_are_checksums_of_the_texts(rest: Rest) -> None:
    from chorus_faulty import score_of

    texts = ["one", "two", "drei und vier"]
    results = rest.infer(request(tensor(texts)), "left").results
    for text, result in zip(texts, results, strict=True):
        label, score = score_of(text)
        assert result["label"] == label
        assert result["score"] == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("word", ["poison", "nan", "rows:-1", "rows:1", "oom:0"])
def test_a_text_that_asks_for_it_fails_alone(rest: Rest, word: str) -> None:
    assert rest.infer(request(tensor([f"a {word}"])), "left").status == 500
    assert rest.infer(request(tensor(["a text"])), "left").status == 200
