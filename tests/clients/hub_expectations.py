"""What every version of huggingface_hub must have read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from tests.clients.expectations import are_boxes, is_distribution, is_ranking
from tests.clients.files import SIZE


def _entities(found: Any) -> None:
    assert found
    assert all(one["entity_group"] and one["end"] > one["start"] >= 0 for one in found)


def _answer(found: Any) -> None:
    assert 0 <= found["score"] <= 1
    assert found["answer"] == "The tower is in Paris."[found["start"] : found["end"]]


def _table(found: Any) -> None:
    assert isinstance(found["answer"], str)
    assert len(found["cells"]) == len(found["coordinates"])


def _masked(found: Any) -> None:
    is_ranking(found, "token_str")
    assert all("<mask>" not in one["sequence"] for one in found)


def _vectors(found: Any, unit: bool = False) -> None:
    while isinstance(found[0][0], list):
        (found,) = found
    assert len({len(row) for row in found}) == 1
    norms = [math.sqrt(sum(number * number for number in row)) for row in found]
    assert not unit or all(abs(norm - 1) < 1e-4 for norm in norms)


def _parts(found: Any) -> None:
    """The last one has the whole text and says why it ended."""
    *_, last = found
    text = "".join(one["token"]["text"] for one in found if not one["token"]["special"])
    assert last["generated_text"] == text
    assert last["details"]["generated_tokens"] == len(found)
    assert last["details"]["finish_reason"] in ("length", "eos_token", "stop_sequence", "stop")


def _chat(found: Any) -> None:
    (choice,) = found["choices"]
    assert choice["message"]["role"] == "assistant"
    assert isinstance(choice["message"]["content"], str)
    assert 0 < found["usage"]["completion_tokens"] <= 5


def _chat_parts(found: Any) -> None:
    assert "".join(one["choices"][0]["delta"]["content"] or "" for one in found)
    assert found[-1]["choices"][0]["finish_reason"] in ("length", "stop")


def _masks(found: Any) -> None:
    assert all(isinstance(one["label"], str) and one["mask"] == list(SIZE) for one in found)


def _answers(found: Any) -> None:
    assert found
    assert all(isinstance(one["answer"], str) and 0 <= one["score"] <= 1 for one in found)


def _sound(found: Any) -> None:
    assert found == "RIFF"  # a WAV file, not JSON that holds one


def _has_text(key: str) -> Callable[[Any], None]:
    def check(found: Any) -> None:
        assert isinstance(found[key], str)

    return check


def _is(*types: type) -> Callable[[Any], None]:
    def check(found: Any) -> None:
        assert isinstance(found, types)
        assert found

    return check


def _has_length(length: int, check: Callable[[Any], None]) -> Callable[[Any], None]:
    def both(found: Any) -> None:
        assert len(found) == length
        check(found)

    return both


CHECKS: Final[dict[str, Callable[[Any], None]]] = {
    "text-classification": is_distribution,
    "text-classification, top_k": _has_length(2, is_ranking),
    "token-classification": _entities,
    "token-classification, strategy": _entities,
    "zero-shot-classification": lambda found: is_distribution(found, 3),
    "zero-shot-classification, multi": _has_length(3, is_ranking),
    "question-answering": _answer,
    "table-question-answering": _table,
    "fill-mask": _masked,
    "summarization": _has_text("summary_text"),
    "translation": _has_text("translation_text"),
    "translation, languages": _has_text("translation_text"),
    "text-generation": _is(str),
    "text-generation, stream": _is(list),
    "text-generation, stream of details": _parts,
    "feature-extraction": _vectors,
    "feature-extraction, normalize": lambda found: _vectors(found, unit=True),
    "sentence-similarity": _has_length(2, _is(list)),
    "image-classification": is_ranking,
    "image-classification, top_k": _has_length(1, is_ranking),
    "object-detection": are_boxes,
    "object-detection, threshold": are_boxes,
    "image-segmentation": _masks,
    "image-to-text": _has_text("generated_text"),
    "zero-shot-image-classification": lambda found: is_distribution(found, 3),
    "visual-question-answering": _answers,
    "document-question-answering": lambda found: _has_text("answer")(found[0]),
    "audio-classification": is_ranking,
    "automatic-speech-recognition": _has_text("text"),
    "text-to-audio": _sound,
    "conversational": _chat,
    "conversational, stream": _chat_parts,
    "text-classification, health": lambda found: _is(bool)(found),
    "text-classification, info": _is(dict),
}
