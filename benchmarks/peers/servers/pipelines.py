"""Five `transformers` pipelines, made and called as their documentation shows."""

from collections.abc import Iterable
from typing import Any

import torch
from transformers import pipeline

# What the models' 514 positions leave; two of the tokenizers do not say so.
CUT = {"truncation": True, "max_length": 512}


def load(models: Iterable[tuple[str, str]], device: str) -> dict[str, Any]:
    """One text-classification pipeline per model."""
    return {
        key: pipeline("text-classification", model=folder, device=device, dtype=torch.float32)
        for key, folder in models
    }


def classify(classifier: Any, texts: list[str]) -> list[dict[str, Any]]:
    """`{"label": …, "score": …}` per text; all texts are one batch."""
    with torch.inference_mode():
        answers: list[dict[str, Any]] = classifier(texts, batch_size=len(texts), **CUT)
    return answers
