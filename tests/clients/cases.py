"""Requests for every task, three inputs each, in the form that Hugging Face's clients send."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from PIL import ImageOps
from tests.clients import files

PICTURES: Final = [
    files.text(files.png(image))
    for image in (
        files.picture(),
        ImageOps.invert(files.picture()),
        files.picture().resize((40, 70)),
    )
]
SOUND: Final = files.text(files.wav())
FINE_SOUND: Final = files.text(files.wav(48_000))  # CLAP's rate: resampling has its own tests
TEXTS: Final = [
    "I like you",
    "The report came late, and nobody knew why it had been written at all.",
    "No",
]
LABELS: Final = {"candidate_labels": ["animals", "weather", "a long journey"]}
WRITING: Final = {"max_new_tokens": 6, "do_sample": False}


class Case(NamedTuple):
    """One task, its inputs and the options that all of them share."""

    task: str
    inputs: list[Any]
    parameters: dict[str, Any]
    lone: bool = False
    """Whether an input's only result stands in a list without a list of its own."""

    def __str__(self) -> str:
        return ", ".join([self.task, *self.parameters])


def _about(question: str) -> list[dict[str, str]]:
    return [{"question": question, "image": picture} for picture in PICTURES]


CASES: Final = [
    Case("text-classification", TEXTS, {}, lone=True),
    Case("text-classification", TEXTS, {"top_k": 2, "function_to_apply": "sigmoid"}),
    Case("token-classification", TEXTS, {}),
    Case("token-classification", TEXTS, {"aggregation_strategy": "simple"}),
    Case("zero-shot-classification", TEXTS, LABELS),
    Case("zero-shot-classification", TEXTS, {**LABELS, "multi_label": True}),
    Case("text-generation", TEXTS, WRITING),
    Case("text-generation", TEXTS, {**WRITING, "num_beams": 2, "num_return_sequences": 2}),
    Case("text-generation", TEXTS, {**WRITING, "return_full_text": False}),
    Case("conversational", [[{"role": "user", "content": text}] for text in TEXTS], WRITING),
    Case("text2text-generation", TEXTS, WRITING, lone=True),
    Case("summarization", TEXTS, WRITING, lone=True),
    Case("translation", TEXTS, WRITING, lone=True),
    Case("translation", TEXTS, {**WRITING, "src_lang": "en", "tgt_lang": "fr"}, lone=True),
    Case("fill-mask", [f"{text} <mask>" for text in TEXTS], {"top_k": 3}),
    Case("question-answering", [{"question": "Why?", "context": text} for text in TEXTS], {}),
    Case(
        "question-answering",
        [{"question": "What?", "context": text} for text in TEXTS[:2]] * 2,
        {"top_k": 2},
    ),
    Case(
        "table-question-answering",
        [
            {"query": query, "table": {"city": ["Paris", "Rome"], "people": ["2", "3"]}}
            for query in ("How many?", "Which city is larger?", "Rome")
        ],
        {},
    ),
    Case("feature-extraction", TEXTS, {}),
    Case("feature-extraction", TEXTS, {"normalize": True}),
    Case("sentence-embeddings", TEXTS, {}),
    Case(
        "sentence-similarity",
        [{"source_sentence": text, "sentences": TEXTS} for text in TEXTS],
        {},
    ),
    Case("sentence-ranking", [[TEXTS[0], text] for text in TEXTS], {}),
    Case("text-to-audio", ["Hello", "Good morning", "No"], {}),
    Case("image-classification", PICTURES, {}),
    Case("image-classification", PICTURES, {"top_k": 2}),
    Case("object-detection", PICTURES, {"threshold": 0.3}),
    Case("image-segmentation", PICTURES, {}),
    Case("image-feature-extraction", PICTURES, {}),
    Case("depth-estimation", PICTURES, {}),
    Case("image-to-text", PICTURES, {"max_new_tokens": 6}),
    Case("zero-shot-image-classification", PICTURES, LABELS),
    Case("zero-shot-object-detection", PICTURES, {**LABELS, "threshold": 0.01}),
    Case("visual-question-answering", _about("What is it?"), {"top_k": 3}),
    Case("document-question-answering", _about("What is it?"), {}),
    Case(
        "image-text-to-text",
        [{"images": picture, "text": "<image>What?"} for picture in PICTURES],
        {"max_new_tokens": 6, "do_sample": False},
    ),
    Case("audio-classification", [SOUND] * 3, {"top_k": 3}),
    Case("automatic-speech-recognition", [SOUND] * 3, {}),
    Case("zero-shot-audio-classification", [FINE_SOUND] * 3, LABELS),
]
