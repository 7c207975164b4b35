"""One vector per text, and how alike texts are by it."""

from __future__ import annotations

from typing import Any

import torch

from .checkpoint import Checkpoint
from .dense import Dense
from .encoder import Encoder
from .options import Options, read
from .pooling import POOLINGS, finish
from .sentence_folder import conventions, steps


class SentenceEmbeddings:
    """Texts to vectors, as the folder's modules.json says; the normalised mean without one."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._steps = steps(checkpoint.folder)
        self._conventions = conventions(checkpoint.folder, self._steps.model)
        self._encoder = Encoder(checkpoint.inside(self._steps.model), self._conventions)
        self._dense = [Dense.of(checkpoint, path) for path in self._steps.dense]
        self.model = self._encoder.model
        self.tokenizer = self._encoder.tokenizer
        self._options = options

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One list of floats per text. Raises ValueError."""
        return [vector.tolist() for vector in self.vectors(inputs, **read(options, self._options))]

    def vectors(
        self,
        texts: list[Any],
        *,
        dimensions: int | None = None,
        normalize: bool | None = None,
        prompt_name: str | None = None,
        **truncation: Any,
    ) -> list[torch.Tensor]:
        """One vector per text; what is not said is the folder's way. Raises ValueError."""
        normalize = self._steps.normalize if normalize is None else normalize
        prompt = prompt_name or self._conventions.prompt
        pooled = self._encoder.encode(texts, self._pool, prompt_name=prompt, **truncation)
        return [finish(vector, dimensions=dimensions, normalize=normalize) for vector in pooled]

    def _pool(self, hidden: torch.Tensor) -> torch.Tensor:
        vectors = torch.cat([POOLINGS[name](hidden) for name in self._steps.poolings], -1)
        for dense in self._dense:
            vectors = dense(vectors)
        return vectors


class SentenceSimilarity:
    """`{"source_sentence", "sentences"}` to each sentence's cosine similarity to the source."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._embeddings = SentenceEmbeddings(checkpoint, options)
        self.model = self._embeddings.model
        self.tokenizer = self._embeddings.tokenizer
        self._options = options

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One list of similarities per input, from -1 to 1. Raises ValueError."""
        read(options, self._options)
        return [self._similarities(*_source_and_sentences(item)) for item in inputs]

    def _similarities(self, source: str, sentences: list[str]) -> list[float]:
        vectors = self._embeddings.vectors([source, *sentences], normalize=True)
        similarities: list[float] = (torch.stack(vectors[1:]) @ vectors[0]).tolist()
        return similarities


def load(
    task: str, checkpoint: Checkpoint, options: Options
) -> SentenceEmbeddings | SentenceSimilarity:
    """The task on the checkpoint. Raises LoadError."""
    if task == "sentence-similarity":
        return SentenceSimilarity(checkpoint, options)
    return SentenceEmbeddings(checkpoint, options)


def _source_and_sentences(item: Any) -> tuple[str, list[str]]:
    if not isinstance(item, dict) or not isinstance(item.get("source_sentence"), str):
        raise ValueError("the input must be an object with source_sentence and sentences")
    sentences = item.get("sentences")
    if not isinstance(sentences, list) or not all(isinstance(text, str) for text in sentences):
        raise ValueError("sentences must be a list of strings")
    if not sentences:
        raise ValueError("sentences must not be empty")
    return item["source_sentence"], sentences
