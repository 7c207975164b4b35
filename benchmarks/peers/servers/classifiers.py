"""Five classifiers as their documentation uses them: tokenizer, padded batch, model, softmax."""

from collections.abc import Iterable
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# Not typing's: pydantic, through which BentoML looks at it, refuses that before Python 3.12.
from typing_extensions import TypedDict

MAX_LENGTH = 512  # what the models' 514 positions leave; two of the tokenizers do not say so


class Answer(TypedDict):
    """One model's first choice, in its own words."""

    label: str
    score: float


class Classifier:
    """One model and its tokenizer."""

    def __init__(self, folder: str, device: str) -> None:
        self.device = device
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
        self.model = model.eval().to(device)

    def answer(self, texts: list[str]) -> list[Answer]:
        """One answer per text, from one padded batch."""
        with torch.inference_mode():
            batch = self.tokenizer(
                texts, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
            )
            logits: torch.Tensor = self.model(**batch.to(self.device)).logits
            best = logits.softmax(dim=-1).max(dim=-1)
            scores, classes = best.values.tolist(), best.indices.tolist()
        labels = self.model.config.id2label
        return [
            {"label": labels[number], "score": score}
            for number, score in zip(classes, scores, strict=True)
        ]


class Classifiers:
    """All of them, asked one after another."""

    def __init__(self, models: Iterable[tuple[str, str]], device: str) -> None:
        self.models = {key: Classifier(folder, device) for key, folder in models}

    def answer(self, texts: list[str]) -> list[dict[str, Answer]]:
        """Every model's answer to each text."""
        columns = [model.answer(texts) for model in self.models.values()]
        return [dict(zip(self.models, row, strict=True)) for row in zip(*columns, strict=True)]
