"""How well a text answers a query, by a cross-encoder that reads both together."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForSequenceClassification

from ...engine.errors import LoadError
from . import limits
from .checkpoint import Checkpoint
from .options import Options, read
from .rows import encode, forward


class SentenceRanking:
    """`[query, text]` to a score: of sentence-transformers' CrossEncoder, most relevant highest."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.tokenizer = checkpoint.tokenizer
        self.model = checkpoint.model(AutoModelForSequenceClassification)
        if self.model.config.num_labels != 1:
            raise LoadError("sentence-ranking needs a model with one label, a cross-encoder")
        self._limit = limits.comfortable(self.model, self.tokenizer)
        self._raw = _gives_raw_scores(self.model.config)
        self._options = options

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One score per pair, a probability unless the checkpoint asks for raw ones."""
        read(options, self._options)
        rows = [encode(self.tokenizer, *_pair(item), limit=self._limit) for item in inputs]
        scores = forward(self.model, rows, lambda output: output.logits[:, 0])
        return [float(score if self._raw else score.sigmoid()) for score in scores]


def load(task: str, checkpoint: Checkpoint, options: Options) -> SentenceRanking:
    """The task on the checkpoint. Raises LoadError."""
    return SentenceRanking(checkpoint, options)


def _gives_raw_scores(config: Any) -> bool:
    """Whether the checkpoint names the identity as its activation, in the newer or older field."""
    newer = (getattr(config, "sentence_transformers", None) or {}).get("activation_fn")
    older = getattr(config, "sbert_ce_default_activation_function", None)
    return str(newer or older).endswith("Identity")


def _pair(item: Any) -> tuple[str, str]:
    if isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(t, str) for t in item):
        return item[0], item[1]
    raise ValueError("the input must be a list of a query and a text")
