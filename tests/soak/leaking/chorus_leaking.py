"""A classifier that loses something with every text that asks for it, and answers right.

Its answers are those of `Faulty`. A text may hold one of these words:

    leak:memory       40 KiB, kept for ever
    leak:descriptor   a file that is never closed, for one text in twenty
    leak:thread       a thread that never ends, for one text in twenty
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import Any

from mlserver_chorus.classifier import Classifier
from mlserver_chorus.engine.types import Logits, Model
from mlserver_chorus.weights import Weights

sys.path.append(str(Path(__file__).parents[2] / "reliability" / "faulty"))

from chorus_faulty import LABELS, ByteTokenizer, FaultyForward

LEAKED_BYTES = 40 << 10
SELDOM = 20  # a process may hold some thousand threads and files, and must outlive the run


class LeakingForward(FaultyForward):  # type: ignore[misc] # found beside the models, at run time
    """Does what the texts say, and keeps what it should give back."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []
        self._seen = 0

    def __call__(self, inputs: Any, /) -> Logits:
        for text in inputs:
            self._leak(text)
        answers: Logits = super().__call__(inputs)
        return answers

    def _leak(self, text: str) -> None:
        self._seen += 1
        seldom = self._seen % SELDOM == 0
        if "leak:memory" in text:
            self._kept.append(b"\1" * LEAKED_BYTES)  # zeros would not take a page
        elif "leak:descriptor" in text and seldom:
            os.open(os.devnull, os.O_RDONLY)
        elif "leak:thread" in text and seldom:
            threading.Thread(target=threading.Event().wait, daemon=True).start()


class Leaking(Classifier):
    """Serves a LeakingForward as if it had been loaded."""

    async def load(self) -> bool:
        await asyncio.sleep(0)  # as real weights do: the other models announce themselves
        weights = Weights(Path(__file__).parent, "standin", self.name, standin="random")
        self._model = Model(
            name=self.name,
            labels=LABELS,
            activation="softmax",
            tokenizer=ByteTokenizer(),
            forward=LeakingForward(),
            batch_tokens=4096,
            max_rows=self._max_rows,
            max_wait=self._max_wait,
            origin=weights.described(),
        )
        self._engine.add(self._model)
        return True
