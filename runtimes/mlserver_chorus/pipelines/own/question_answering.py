"""Extractive question answering: the stretch of a context that answers a question.

A long context is read in windows that overlap; the best spans of all windows compete. The scores
and offsets are those of transformers 4.41.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForQuestionAnswering

from ...engine.errors import LoadError
from . import limits
from .checkpoint import Checkpoint
from .options import Options, read
from .rows import forward
from .spans import best_spans, probabilities

# The values of transformers' pipeline.
_WINDOW_TOKENS = 384
_OVERLAP_TOKENS = 128
_ANSWER_TOKENS = 15

Answer = dict[str, Any]

_NO_ANSWER: Answer = {"score": 0.0, "start": 0, "end": 0, "answer": ""}


class QuestionAnswering:
    """`{"question", "context"}` to `{"score", "start", "end", "answer"}`, a list if several."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.tokenizer = checkpoint.tokenizer
        if not self.tokenizer.is_fast:
            raise LoadError("question-answering needs a tokenizer.json, for the places of words")
        self.model = checkpoint.model(AutoModelForQuestionAnswering)
        self._options = options
        self._limit = limits.comfortable(self.model, self.tokenizer)
        # Models that pad on the left were trained with the question behind the context.
        self._context_part = int(self.tokenizer.padding_side == "right")

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One answer per input, or a list of the `top_k` best. Raises ValueError."""
        chosen = read(options, self._options)
        return [self._answer(*_question_and_context(item), chosen) for item in inputs]

    def _answer(self, question: str, context: str, chosen: dict[str, Any]) -> Any:
        windows = self._windows(question, context, chosen)
        answers: list[Answer] = []
        null_scores = []
        for window, logits in zip(windows.encodings, self._logits(windows), strict=True):
            starts, ends = self._probabilities(window, logits)
            answers += self._candidates(window, starts, ends, context, chosen)
            null_scores.append(float(starts[0] * ends[0]))
        if chosen.get("handle_impossible_answer", False):
            answers.append({**_NO_ANSWER, "score": min(null_scores)})
        best = sorted(answers, key=lambda answer: answer["score"], reverse=True)
        best = best[: _count(chosen)] or [dict(_NO_ANSWER)]  # a context of spaces has no tokens
        return best[0] if len(best) == 1 else best

    def _candidates(
        self,
        window: Any,
        starts: torch.Tensor,
        ends: torch.Tensor,
        context: str,
        chosen: dict[str, Any],
    ) -> list[Answer]:
        """The best answers within one window."""
        longest = chosen.get("max_answer_len", _ANSWER_TOKENS)
        spans = best_spans(
            starts, ends, self._in_context(window), longest=longest, count=_count(chosen)
        )
        words = chosen.get("align_to_words", True)
        places = [self._characters(window, span.first, span.last, words=words) for span in spans]
        return [
            {"score": span.score, "start": start, "end": end, "answer": context[start:end]}
            for span, (start, end) in zip(spans, places, strict=True)
        ]

    def _windows(self, question: str, context: str, chosen: dict[str, Any]) -> Any:
        """The tokenizer's encodings of all windows over the context."""
        size = min(chosen.get("max_seq_len", _WINDOW_TOKENS), self._limit)
        overlap = chosen.get("doc_stride", min(size // 2, _OVERLAP_TOKENS))
        room = size - self.tokenizer.num_special_tokens_to_add(pair=True) - overlap - 1
        if room < 1:
            raise ValueError("max_seq_len must leave room for a question and more than doc_stride")
        question = self._shorten(question, min(chosen.get("max_question_len", room), room))
        pair = (question, context) if self._context_part else (context, question)
        return self.tokenizer(
            *pair,
            truncation="only_second" if self._context_part else "only_first",
            max_length=size,
            stride=overlap,
            return_overflowing_tokens=True,
        )

    def _shorten(self, question: str, most: int) -> str:
        """The question up to its token number `most`; cut again where cutting made more tokens."""
        while True:
            offsets = self.tokenizer(
                question, add_special_tokens=False, return_offsets_mapping=True
            )["offset_mapping"]
            if len(offsets) <= most:
                return question
            question = question[: min(offsets[most - 1][1], len(question) - 1)]

    def _logits(self, windows: Any) -> list[torch.Tensor]:
        """Start and end logits of each window, `[2, tokens]`."""
        names = [name for name in self.tokenizer.model_input_names if name in windows]
        rows = [
            {name: windows[name][index] for name in names}
            for index in range(len(windows["input_ids"]))
        ]
        return forward(
            self.model,
            rows,
            lambda output: torch.stack((output.start_logits, output.end_logits), 1),
        )

    def _probabilities(
        self, window: Any, logits: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How likely each token begins and ends the answer; the class token stands for none."""
        weighed = self._in_context(window)
        if self.tokenizer.cls_token_id is not None:
            weighed = weighed | (torch.tensor(window.ids) == self.tokenizer.cls_token_id)
        return probabilities(logits[0], weighed), probabilities(logits[1], weighed)

    def _in_context(self, window: Any) -> torch.Tensor:
        return torch.tensor([part == self._context_part for part in window.sequence_ids])

    def _characters(self, window: Any, first: int, last: int, *, words: bool) -> tuple[int, int]:
        """Where the tokens are in the context; with `words`, widened to whole words."""
        start_word, end_word = window.token_to_word(first), window.token_to_word(last)
        if not words or start_word is None or end_word is None:
            return window.offsets[first][0], window.offsets[last][1]
        start: int = window.word_to_chars(start_word, self._context_part)[0]
        end: int = window.word_to_chars(end_word, self._context_part)[1]
        return start, end


def load(task: str, checkpoint: Checkpoint, options: Options) -> QuestionAnswering:
    """The task on the checkpoint. Raises LoadError."""
    return QuestionAnswering(checkpoint, options)


def _count(chosen: dict[str, Any]) -> int:
    return int(chosen.get("top_k", 1))


def _question_and_context(item: Any) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise ValueError("the input must be an object with question and context")
    for name in ("question", "context"):
        if not isinstance(item.get(name), str):
            raise ValueError(f"{name} must be a string")
        if not item[name]:
            raise ValueError(f"{name} must not be empty")
    return item["question"], item["context"]
