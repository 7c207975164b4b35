"""A classifier whose texts say how it is to fail: real server, real batcher, no weights.

The answer to a text is a checksum of it, so that every caller can tell its own from a stranger's.
A text may hold these words, anywhere:

    sleep:SECONDS   its batch takes so long
    hang            its batch never ends
    poison          its batch fails, with the text in the exception
    oom:ROWS        out of memory in every batch of more rows
    rows:COUNT      its batch gives so many rows more, or fewer
    nan             its row is not a number
    lost            the device fails, and everything after it
    defect          it fails outside of any batch, with all of the request in the exception

CHORUS_FAULTY_BATCH_SECONDS and CHORUS_FAULTY_TOKEN_SECONDS, both 0 by default, are the device's
time for a batch and for each of its tokens: a capacity that costs no CPU.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mlserver.types import InferenceRequest, InferenceResponse

from mlserver_chorus.classifier import Classifier
from mlserver_chorus.engine.types import Encoding, Logits, Model
from mlserver_chorus.weights import Weights

LABELS = ("low", "high")
LIMIT = 2048
_WORD = re.compile(r"(sleep|oom|rows):(-?[0-9.]+)")


def logits_of(text: str) -> Logits:
    """What the model answers to a text, whatever stands beside it: float32 [2]."""
    fraction = zlib.crc32(text.encode()[:LIMIT]) / 2**32
    return np.array([0.0, 8 * fraction - 4], dtype=np.float32)


def score_of(text: str) -> tuple[str, float]:
    """The best label and its probability."""
    low, high = np.exp(logits_of(text).astype(np.float64))
    best = int(high > low)
    return LABELS[best], float(max(low, high) / (low + high))


class ByteTokenizer:
    """A token is a byte, plus one: no text is empty for want of tokens, and NUL is one too."""

    limit = LIMIT

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Never empty."""
        return [Encoding([b + 1 for b in text.encode()[:LIMIT]] or [0]) for text in texts]


@dataclass(frozen=True)
class TextCollator:
    """Batches are lists of texts."""

    def __call__(self, encodings: Sequence[Encoding]) -> list[str]:
        return [bytes(i - 1 for i in e.ids if i).decode(errors="ignore") for e in encodings]

    def tokens(self, rows: int, longest: int, total: int) -> int:
        """No padding."""
        return total


class FaultyForward:
    """Does what the texts say."""

    runs_ahead = False
    collate = TextCollator()
    _lost = False

    def __init__(self) -> None:
        self._batch_seconds = float(os.environ.get("CHORUS_FAULTY_BATCH_SECONDS", 0))
        self._token_seconds = float(os.environ.get("CHORUS_FAULTY_TOKEN_SECONDS", 0))

    def start(self, inputs: Any, /) -> Callable[[], Logits]:
        return partial(self, inputs)

    def __call__(self, inputs: Any, /) -> Logits:
        texts: list[str] = inputs
        self._fail(texts)
        tokens = sum(len(text.encode()) for text in texts)
        time.sleep(self._batch_seconds + tokens * self._token_seconds)
        rows = [logits_of(text) for text in texts]
        for number, text in enumerate(texts):
            if "nan" in text.split():
                rows[number] = np.full_like(rows[number], np.nan)
        wrong = sum(int(value) for value in _values("rows", texts))
        rows = rows[:wrong] if wrong < 0 else rows + rows[:1] * wrong
        return np.stack(rows) if rows else np.empty((0, len(LABELS)), np.float32)

    def _fail(self, texts: list[str]) -> None:
        words = {word for text in texts for word in text.split()}
        time.sleep(max(map(float, _values("sleep", texts)), default=0))
        if "hang" in words:
            threading.Event().wait()
        if any(len(texts) > int(rows) for rows in _values("oom", texts)):
            raise MemoryError("out of memory")
        if "lost" in words:
            FaultyForward._lost = True
        if FaultyForward._lost:
            # In torch's words, without torch.
            raise RuntimeError("CUDA error: device-side assert triggered")
        if "poison" in words:
            raise RuntimeError(f"cannot stand {texts}")


def _values(word: str, texts: Sequence[str]) -> list[str]:
    return [value for text in texts for name, value in _WORD.findall(text) if name == word]


class Faulty(Classifier):
    """Serves a FaultyForward as if it had been loaded."""

    async def answer(self, request: InferenceRequest) -> InferenceResponse:
        """Classify the request's texts, unless one of them is to find a defect of ours."""
        if "defect" in str(request.inputs):
            raise ValueError(f"cannot stand {request}")
        return await super().answer(request)

    async def load(self) -> bool:
        await asyncio.sleep(0)  # as real weights do: the other models announce themselves
        weights = Weights(Path(__file__).parent, "standin", self.name, standin="random")
        self._model = Model(
            name=self.name,
            labels=LABELS,
            activation="softmax",
            tokenizer=ByteTokenizer(),
            forward=FaultyForward(),
            batch_tokens=4096,
            max_rows=self._max_rows,
            max_wait=self._max_wait,
            origin=weights.described(),
        )
        self._engine.add(self._model)
        return True
