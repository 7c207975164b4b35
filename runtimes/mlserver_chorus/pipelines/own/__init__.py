"""The tasks that transformers 5 has no pipeline for, on its Auto classes.

Each answers as the last transformers pipeline of its name did (4.41), or, where there never was
one, in the form of Hugging Face's inference toolkit. One row per task; nothing here imports torch
before a model is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from . import options
from .options import Options


@dataclass(frozen=True)
class _Row:
    """Where a task is built, and the options that it reads."""

    module: str
    options: Options


_TABLE: Mapping[str, _Row] = {
    "conversational": _Row("chat", options.CHAT),
    "feature-extraction": _Row("feature_extraction", options.FEATURES),
    "image-to-text": _Row("image_to_text", options.IMAGE_TO_TEXT),
    "question-answering": _Row("question_answering", options.QUESTION_ANSWERING),
    "sentence-embeddings": _Row("sentences", options.EMBEDDINGS),
    "sentence-ranking": _Row("ranking", options.NONE),
    "sentence-similarity": _Row("sentences", options.NONE),
    "summarization": _Row("seq2seq", options.TEXT_TO_TEXT),
    "text2text-generation": _Row("seq2seq", options.TEXT_TO_TEXT),
    "translation": _Row("seq2seq", options.TRANSLATION),
    "visual-question-answering": _Row("visual_question_answering", options.VISUAL_QUESTIONS),
}

TASKS: Mapping[str, frozenset[str]] = {task: frozenset(row.options) for task, row in _TABLE.items()}
"""Task to the names of the options that a request may set."""


def build(
    task: str,
    folder: Path,
    device: str,
    *,
    model_kwargs: Mapping[str, Any] | None = None,
    tokenizer: Path | None = None,
) -> Callable[..., list[Any]]:
    """The task on a checkpoint folder: `(inputs, **options)` to one result per input.

    `translation_xx_to_yy` is translation with those languages as its defaults. `model_kwargs` go
    to `from_pretrained` (fp32 unless they say otherwise), `tokenizer` is a folder to take it from
    instead. Raises LoadError when the folder does not serve the task; the callable raises
    ValueError, in words that a caller may see, for inputs and options that it cannot take.
    """
    from .checkpoint import Checkpoint

    row = _TABLE["translation" if task.startswith("translation_") else task]
    checkpoint = Checkpoint(folder, device, dict(model_kwargs or {}), tokenizer or folder)
    made: Callable[..., list[Any]] = import_module(f".{row.module}", __name__).load(
        task, checkpoint, row.options
    )
    return made
