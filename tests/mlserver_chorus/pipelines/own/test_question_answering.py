"""Question answering against a search by hand over the model's own logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlserver_chorus.engine.errors import LoadError

from .checkpoints import made

CONTEXT = "The tower is in Paris, and the bridge is over the river. Who is where? "
ITEM = {"question": "Where is the tower?", "context": CONTEXT}


def by_hand(folder: Path, question: str, context: str, longest: int = 15) -> list[dict[str, Any]]:
    """Every span of a context that fits the model, best first, without widening to words."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    encoded = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")[0].tolist()
    parts = encoded.sequence_ids(0)
    with torch.no_grad():
        output = model(**encoded)
    weighed = [index for index, part in enumerate(parts) if part == 1 or index == 0]
    start, end = (
        dict(zip(weighed, logits[0, weighed].softmax(0).tolist(), strict=True))
        for logits in (output.start_logits, output.end_logits)
    )
    spans = [
        (start[first] * end[last], offsets[first][0], offsets[last][1])
        for first in weighed[1:]
        for last in weighed[1:]
        if first <= last < first + longest
    ]
    return [
        {"score": pytest.approx(score, abs=1e-6), "start": a, "end": b, "answer": context[a:b]}
        for score, a, b in sorted(spans, reverse=True)
    ]


@pytest.mark.parametrize("longest", [1, 4, 15])
@pytest.mark.parametrize("kind", ["question_answering", "roberta_answers"])
def test_the_best_spans_are_those_found_by_hand(
    kind: str, longest: int, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    item = {"question": "where?", "context": "the tower xyz is in paris"}
    answer = made("question-answering", folder)
    (found,) = answer([item], top_k=6, max_answer_len=longest, align_to_words=False)
    assert found == by_hand(folder, **item, longest=longest)[: len(found)]
    assert len(found) == 6


def test_one_answer_is_a_dict_and_its_words_are_whole(question_answering: Path) -> None:
    answer = made("question-answering", question_answering)
    (found,) = answer([{"question": "who?", "context": "abcdefg hijklm nopqrst"}])
    assert found["answer"] in {
        "abcdefg", "hijklm", "nopqrst", "abcdefg hijklm", "hijklm nopqrst", "abcdefg hijklm nopqrst"
    }  # fmt: skip
    assert found["answer"] == "abcdefg hijklm nopqrst"[found["start"] : found["end"]]


def test_the_windows_over_a_long_context_all_compete(question_answering: Path) -> None:
    answer = made("question-answering", question_answering)
    (found,) = answer([{**ITEM, "context": CONTEXT * 6}], top_k=30, max_answer_len=3)
    assert len(found) == 30
    assert found == sorted(found, key=lambda one: -one["score"])
    assert max(one["end"] for one in found) > 3 * len(CONTEXT)


def test_inputs_do_not_touch_each_other(question_answering: Path) -> None:
    answer = made("question-answering", question_answering)
    items = [ITEM, {"question": "who?", "context": CONTEXT * 4}, {**ITEM, "context": "Paris"}]
    assert answer(items) == [answer([item])[0] for item in items]


def test_an_impossible_answer_competes_when_asked_for(question_answering: Path) -> None:
    answer = made("question-answering", question_answering)
    (found,) = answer([ITEM], handle_impossible_answer=True, top_k=400)
    assert [one for one in found if one["answer"] == ""] == [
        {"score": pytest.approx(0.0, abs=1.0), "start": 0, "end": 0, "answer": ""}
    ]


@pytest.mark.parametrize(
    "options",
    [{}, {"max_seq_len": 5000}, {"max_seq_len": 20, "doc_stride": 4}, {"max_question_len": 2}],
)
def test_no_length_is_too_long(question_answering: Path, options: dict[str, int]) -> None:
    answer = made("question-answering", question_answering)
    item = {"question": "where is the tower in paris? " * 40, "context": CONTEXT * 20}
    (found,) = answer([item], **options)
    assert found["score"] > 0


def test_a_context_without_tokens_has_no_answer(question_answering: Path) -> None:
    answer = made("question-answering", question_answering)
    assert answer([{"question": "where?", "context": "  "}]) == [
        {"score": 0.0, "start": 0, "end": 0, "answer": ""}
    ]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("secret", "question and context"),
        ({"question": "secret"}, "context"),
        ({"question": "", "context": "secret"}, "question must not be empty"),
        ({"question": "secret", "context": ""}, "context must not be empty"),
        ({"question": ["secret"], "context": "c"}, "question"),
    ],
)
def test_bad_inputs_are_named_and_not_quoted(
    question_answering: Path, item: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        made("question-answering", question_answering)([item])
    assert "secret" not in str(refused.value)


def test_a_window_without_room_is_refused(question_answering: Path) -> None:
    with pytest.raises(ValueError, match="max_seq_len"):
        made("question-answering", question_answering)([ITEM], max_seq_len=8, doc_stride=7)


def test_a_model_of_another_kind_is_not_loaded(encoder: Path) -> None:
    with pytest.raises(LoadError, match="weights are missing"):
        made("question-answering", encoder)
