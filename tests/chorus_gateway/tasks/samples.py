"""One request and one result per task: what a caller sends, what the pipeline returns for it.

The results are of the form that transformers documents; the values are made up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from chorus_gateway.tasks.request import MediaSource, TaskRequest

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = "UklGRg=="
MASK = f"data:image/png;base64,{PIXEL}"
BOX = {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 40}
LABELLED = [{"score": 0.75, "label": "cat"}, {"score": 0.25, "label": "dog"}]
CANDIDATES = {"candidate_labels": ["cat", "dog"]}


@dataclass(frozen=True)
class Sample:
    """One input of a task and the pipeline's result for it."""

    inputs: Any
    result: Any
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "parameters": self.parameters}


SAMPLES: dict[str, Sample] = {
    "text-classification": Sample(
        "I like you", [{"label": "POSITIVE", "score": 0.9}, {"label": "NEGATIVE", "score": 0.1}]
    ),
    "token-classification": Sample(
        "My name is Wolfgang",
        [{"entity_group": "PER", "score": 0.9, "word": "Wolfgang", "start": 11, "end": 19}],
    ),
    "zero-shot-classification": Sample(
        "A stray animal",
        {"sequence": "A stray animal", "labels": ["cat", "dog"], "scores": [0.75, 0.25]},
        CANDIDATES,
    ),
    "text-generation": Sample(
        "Once", [{"generated_text": "Once upon"}, {"generated_text": "Once more"}]
    ),
    "conversational": Sample(
        [{"role": "user", "content": "Hi"}],
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
    ),
    "text2text-generation": Sample("Say hello", [{"generated_text": "hello"}]),
    "summarization": Sample("A long text", [{"summary_text": "A text"}]),
    "translation": Sample("Hello", [{"translation_text": "Bonjour"}]),
    "fill-mask": Sample(
        "A [MASK].",
        [
            {"score": 0.5, "token": 7, "token_str": "cat", "sequence": "A cat."},
            {"score": 0.25, "token": 8, "token_str": "dog", "sequence": "A dog."},
        ],
    ),
    "question-answering": Sample(
        {"question": "Who?", "context": "It was Wolfgang"},
        {"score": 0.5, "start": 7, "end": 15, "answer": "Wolfgang"},
    ),
    "table-question-answering": Sample(
        {"question": "How many?", "table": {"repository": ["a", "b"], "stars": ["1", "2"]}},
        {"answer": "2", "coordinates": [[1, 1]], "cells": ["2"], "aggregator": "NONE"},
    ),
    "feature-extraction": Sample("Hello", [[[0.5, -0.5], [0.25, 1.0], [0.0, 2.0]]]),
    "sentence-embeddings": Sample("Hello", {"embeddings": [0.5, -0.5]}),
    "sentence-similarity": Sample(
        {"source_sentence": "a", "sentences": ["b", "c"]}, {"similarities": [0.5, 0.25]}
    ),
    "sentence-ranking": Sample(["a query", "a text"], 0.75),
    "text-to-audio": Sample("Hello", {"audio": WAV, "sampling_rate": 16000}),
    "image-classification": Sample(PIXEL, LABELLED),
    "object-detection": Sample(PIXEL, [{"score": 0.9, "label": "cat", "box": BOX}]),
    "image-segmentation": Sample(PIXEL, [{"score": 0.9, "label": "cat", "mask": MASK}]),
    "image-feature-extraction": Sample(PIXEL, [[[0.5, -0.5]]]),
    "depth-estimation": Sample(PIXEL, {"predicted_depth": [[0.5]], "depth": MASK}),
    "image-to-text": Sample(PIXEL, [{"generated_text": "a cat"}]),
    "zero-shot-image-classification": Sample(PIXEL, LABELLED, CANDIDATES),
    "zero-shot-object-detection": Sample(
        PIXEL, [{"score": 0.9, "label": "cat", "box": BOX}], CANDIDATES
    ),
    "visual-question-answering": Sample(
        {"question": "What?", "image": PIXEL},
        [{"score": 0.5, "answer": "cat"}, {"score": 0.25, "answer": "dog"}],
    ),
    "document-question-answering": Sample(
        {"question": "What?", "image": PIXEL},
        [{"score": 0.5, "answer": "cat", "start": 1, "end": 2}],
    ),
    "image-text-to-text": Sample(
        {"image": PIXEL, "text": "What is it?"},
        [{"input_text": "What is it?", "generated_text": "a cat"}],
    ),
    "audio-classification": Sample(WAV, LABELLED),
    "automatic-speech-recognition": Sample(
        WAV, {"text": "hello", "chunks": [{"text": "hello", "timestamp": [0.0, 1.5]}]}
    ),
    "zero-shot-audio-classification": Sample(WAV, LABELLED, CANDIDATES),
}


def with_media(request: TaskRequest) -> TaskRequest:
    """The request as the reader of media would leave it."""

    def read(source: MediaSource) -> Any:
        return Image.new("RGB", (1, 1)) if source.kind == "image" else b"RIFF"

    return request.with_media([read(source) for source in request.media()])


def reply(elements: list[Any]) -> dict[str, Any]:
    """What a model server answers."""
    output = {
        "name": "output",
        "datatype": "BYTES",
        "shape": [len(elements), 1],
        "parameters": {"content_type": "hg_jsonlist"},
        "data": [json.dumps(element) for element in elements],
    }
    return {"model_name": "x", "outputs": [output]}
