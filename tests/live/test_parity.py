"""Every score is the one that transformers' pipeline gives on the same checkpoint, to 1e-5."""

from __future__ import annotations

import pytest
from tests.live.oracle import CLASSIFIERS, TEXTS, assert_right, distribution
from tests.live.protocol import Transport, request, tensor

ALL_LABELS = 1000


@pytest.fixture(params=["REST", "gRPC"])
def either(request: pytest.FixtureRequest, transports: dict[str, Transport]) -> Transport:
    return transports[request.param]


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_alone(either: Transport, model: str) -> None:
    for text in TEXTS:
        (row,) = either.infer(request(tensor([text])), model).results
        assert_right([row], model, text)


@pytest.mark.parametrize("function", [None, "sigmoid", "none"])
@pytest.mark.parametrize("model", CLASSIFIERS)
def test_among_63_others_with_all_labels(
    either: Transport, model: str, function: str | None
) -> None:
    texts = [TEXTS[i % len(TEXTS)] for i in range(64)]
    options = {"function_to_apply": function} if function else {}
    results = either.infer(request(tensor(texts), top_k=ALL_LABELS, **options), model).results
    labels = len(distribution(model, TEXTS[0]))
    for rows, text in zip(results, texts, strict=True):
        assert_right(rows, model, text, labels, function)


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_the_texts_tell_answers_apart(model: str) -> None:
    """Else parity and isolation would prove little."""
    logits = {tuple(distribution(model, text, "none").values()) for text in TEXTS}
    assert len({tuple(round(value, 3) for value in row) for row in logits}) > 0.8 * len(TEXTS)
