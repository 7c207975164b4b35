"""What transformers itself, or our own code for what it dropped, says to an input."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tests.stack.conftest import ROOT
from transformers import pipeline

from mlserver_chorus.pipelines import own

# Bare lists that Hugging Face's own endpoints put into an object.
_FIELDS = {
    "sentence-embeddings": "embeddings",
    "sentence-ranking": "scores",
    "sentence-similarity": "similarities",
}
# With the languages that its settings give the model.
_NAMES = {"translation": "translation_en_to_fr"}

Ask = Callable[[Any, Mapping[str, Any]], Any]


@cache
def directly(task: str) -> Ask:
    """A function from one input and its options to the result."""
    folder = ROOT / "models" / "tasks" / task / "standin"
    if task in own.TASKS:
        return _own(task, folder, _FIELDS.get(task))
    pipe = pipeline(task, model=str(folder), device="cpu", dtype=torch.float32)
    return _SPECIAL.get(task, _usual)(pipe)


def _own(task: str, folder: Path, key: str | None) -> Ask:
    made = own.build(_NAMES.get(task, task), folder, "cpu")

    def ask(given: Any, options: Mapping[str, Any]) -> Any:
        (result,) = made([given], **options)
        return {key: result} if key else result

    return ask


def _usual(pipe: Any) -> Ask:
    return lambda given, options: pipe(given, **options)


def _labelled(pipe: Any) -> Ask:
    def ask(image: Any, options: Mapping[str, Any]) -> Any:
        rest = dict(options)
        return pipe({"image": image, "candidate_labels": rest.pop("candidate_labels")}, **rest)

    return ask


def _described(pipe: Any) -> Ask:
    return lambda given, options: pipe(
        images=given["images"], text=given["text"], generate_kwargs=dict(options)
    )


def _spoken(pipe: Any) -> Ask:
    """The samples, through the 16 bits of a WAV file."""

    def ask(text: str, _: Mapping[str, Any]) -> Any:
        made = pipe(text)
        return {"audio": np.asarray(made["audio"]), "sampling_rate": made["sampling_rate"]}

    return ask


def _heard(pipe: Any) -> Ask:
    """Bare samples, whose rate must be the model's."""

    def ask(given: Any, options: Mapping[str, Any]) -> Any:
        assert given["sampling_rate"] == pipe.feature_extractor.sampling_rate
        return pipe(given["raw"], **options)

    return ask


_SPECIAL: Mapping[str, Callable[[Any], Ask]] = {
    "zero-shot-object-detection": _labelled,
    "image-text-to-text": _described,
    "text-to-audio": _spoken,
    "zero-shot-audio-classification": _heard,
}


def decoded(task: str, given: Any) -> Any:
    """An input as the pipeline takes it: images and samples for what HTTP carries as base64."""
    if isinstance(given, str) and given.startswith("UklG"):  # RIFF
        return samples_of(given)
    if isinstance(given, dict):
        names = ("image", "images")
        return {key: image_of(part) if key in names else part for key, part in given.items()}
    return image_of(given) if isinstance(given, str) and given.startswith("iVBOR") else given


def image_of(text: str) -> Image.Image:
    """The image in base64, with or without the head of a data URI."""
    return Image.open(io.BytesIO(base64.b64decode(text.rpartition(",")[2]))).convert("RGB")


def samples_of(text: str) -> dict[str, Any]:
    """The recording in base64."""
    with wave.open(io.BytesIO(base64.b64decode(text))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return {"raw": samples.astype(np.float32) / 32768, "sampling_rate": file.getframerate()}


def plain(value: Any) -> Any:
    """A result as JSON has it; images as their size and pixels, on either side."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Image.Image):
        return {"size": list(value.size), "pixels": value.convert("L").tobytes().hex()}
    if isinstance(value, str) and value.startswith(("data:image/", "iVBOR")):
        return plain(Image.open(io.BytesIO(base64.b64decode(value.rpartition(",")[2]))))
    if hasattr(value, "tolist"):
        return value.tolist()
    return value
