"""What the JavaScript client is told to call, and what it must have read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.clients import files
from tests.clients.expectations import are_boxes, is_distribution, is_ranking
from tests.clients.hub_calls import LABELS, MESSAGES, QUESTION, TABLE

PICTURE: Final = {"file": files.text(files.png()), "type": "image/png"}
SOUND: Final = {"file": files.text(files.wav()), "type": "audio/wav"}


class Call(NamedTuple):
    """A method of the client, its arguments, and the check of what it returned."""

    method: str
    arguments: dict[str, Any]
    check: Callable[[Any], None]


def _entities(found: Any) -> None:
    assert found
    assert all(one["entity_group"] and one["end"] > one["start"] >= 0 for one in found)


def _answer(found: Any) -> None:
    assert isinstance(found["answer"], str)
    assert 0 <= found["score"] <= 1


def _table(found: Any) -> None:
    assert isinstance(found["answer"], str)
    assert isinstance(found["aggregator"], str)


def _has_text(key: str) -> Callable[[Any], None]:
    def check(found: Any) -> None:
        assert isinstance(found[key], str)

    return check


def _numbers(found: Any) -> None:
    while isinstance(found, list):
        found = found[0]
    assert isinstance(found, float)


def _masks(found: Any) -> None:
    # Bare base64 of a PNG, as `atob` takes it.
    assert all(one["mask"].startswith("iVBORw0KGgo") for one in found)


def _chat(found: Any) -> None:
    (choice,) = found["choices"]
    assert choice["message"]["role"] == "assistant"
    assert isinstance(choice["message"]["content"], str)


def _chat_parts(found: Any) -> None:
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in found)


def _completion_parts(found: Any) -> None:
    assert "".join(one["choices"][0]["text"] for one in found)


def _sound(found: Any) -> None:
    assert found.get("type") == "audio/wav"
    assert found["file"].startswith(files.text(b"RIF"))


def _similarities(found: Any) -> None:
    assert len(found) == 2
    assert all(-1.001 <= one <= 1.001 for one in found)


# By the model's name, and what is special about the call.
CALLS: Final[dict[str, Call]] = {
    "text-classification": Call("textClassification", {"inputs": "I like you"}, is_distribution),
    "token-classification": Call("tokenClassification", {"inputs": "I am Sarah"}, _entities),
    "zero-shot-classification": Call(
        "zeroShotClassification",
        {"inputs": "A pet", "parameters": {"candidate_labels": LABELS}},
        lambda found: is_distribution(found, 3),
    ),
    "question-answering": Call("questionAnswering", {"inputs": QUESTION}, _answer),
    "table-question-answering": Call(
        "tableQuestionAnswering", {"inputs": {"query": "How many?", "table": TABLE}}, _table
    ),
    "fill-mask": Call(
        "fillMask",
        {"inputs": "Paris is the <mask> of France."},
        lambda found: is_ranking(found, "token_str"),
    ),
    "summarization": Call(
        "summarization", {"inputs": "The tower is tall."}, _has_text("summary_text")
    ),
    "translation": Call("translation", {"inputs": "Good morning"}, _has_text("translation_text")),
    "text-generation": Call(
        "textGeneration",
        {"inputs": "Hello", "parameters": {"max_new_tokens": 5, "temperature": 0}},
        _has_text("generated_text"),
    ),
    "text-generation, stream": Call(
        "textGenerationStream",
        {"inputs": "Hello", "parameters": {"max_new_tokens": 5, "temperature": 0}},
        _completion_parts,
    ),
    "feature-extraction": Call("featureExtraction", {"inputs": "Hello"}, _numbers),
    "sentence-similarity": Call(
        "sentenceSimilarity",
        {"inputs": {"source_sentence": "I am happy", "sentences": ["I am glad", "It rains"]}},
        _similarities,
    ),
    "image-classification": Call("imageClassification", {"data": PICTURE}, is_ranking),
    "object-detection": Call("objectDetection", {"data": PICTURE}, are_boxes),
    "image-segmentation": Call("imageSegmentation", {"inputs": PICTURE}, _masks),
    "image-to-text": Call("imageToText", {"data": PICTURE}, _has_text("generated_text")),
    "zero-shot-image-classification": Call(
        "zeroShotImageClassification",
        {"inputs": {"image": PICTURE}, "parameters": {"candidate_labels": LABELS}},
        lambda found: is_distribution(found, 3),
    ),
    "visual-question-answering": Call(
        "visualQuestionAnswering", {"inputs": {"question": "What?", "image": PICTURE}}, _answer
    ),
    "document-question-answering": Call(
        "documentQuestionAnswering",
        {"inputs": {"question": "Who?", "image": PICTURE}},
        _has_text("answer"),
    ),
    "audio-classification": Call("audioClassification", {"data": SOUND}, is_ranking),
    "automatic-speech-recognition": Call(
        "automaticSpeechRecognition", {"data": SOUND}, _has_text("text")
    ),
    "text-to-audio": Call("textToSpeech", {"inputs": "Hello"}, _sound),
    "conversational": Call("chatCompletion", {"messages": MESSAGES, "max_tokens": 5}, _chat),
    "conversational, stream": Call(
        "chatCompletionStream", {"messages": MESSAGES, "max_tokens": 5}, _chat_parts
    ),
}
