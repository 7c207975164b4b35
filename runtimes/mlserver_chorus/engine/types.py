"""The nouns that the stages of the engine share. No torch at import."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import EngineError
from .timings import Timings

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """One tokenised text, within its model's length limit."""

    ids: list[int]
    type_ids: list[int] | None = None


class TextEncoder(Protocol):
    """What a model needs of a tokenizer."""

    @property
    def limit(self) -> int:
        """Most tokens of a text, specials included."""
        ...

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """One encoding per text, never empty and never longer than `limit`."""
        ...


class Collator(Protocol):
    """Turns encodings into a forward's inputs on the host; equal collators may share the result."""

    def __call__(self, encodings: Sequence[Encoding], /) -> Any: ...

    def tokens(self, rows: int, longest: int, total: int) -> int:
        """How many token positions a batch costs the device."""
        ...


class Forward(Protocol):
    """The seam for a model's arithmetic: `collate` on any thread, the rest on the device thread."""

    @property
    def collate(self) -> Collator: ...

    @property
    def runs_ahead(self) -> bool:
        """Whether the device computes a batch that was started while the host does other work."""
        ...

    def start(self, inputs: Any, /) -> Callable[[], Logits]:
        """Begin with a batch; the result computes what is not computed yet, and waits."""
        ...

    def __call__(self, inputs: Any, /) -> Logits:
        """Logits on the host, float32 [rows, labels], in the order of the encodings."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One loaded classifier, with the limits that its settings give."""

    name: str
    labels: tuple[str, ...]
    activation: str
    """Default of `function_to_apply`: softmax, sigmoid or none."""
    tokenizer: TextEncoder
    forward: Forward
    batch_tokens: int
    """Tokens in a batch from which on its device computes no more of them per second."""
    max_rows: int
    """Most texts in one batch."""
    max_wait: float
    """Longest time in seconds that a text may wait for the device."""
    origin: Mapping[str, str]
    """What the weights are, in the words of who had them loaded: what metadata say."""
    tokens_per_second: float | None = None
    """What its device was measured to do of them, in full batches."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one forward answers: one model, or several that run side by side."""

    models: tuple[Model, ...]
    forward: Forward
    """Its logits are [texts, labels of the first model … labels of the last]."""

    @property
    def tokenizer(self) -> TextEncoder:
        """The one that all of its models share."""
        return self.models[0].tokenizer

    @property
    def max_rows(self) -> int:
        """Most texts of one batch."""
        return min(model.max_rows for model in self.models)

    @property
    def labels(self) -> int:
        """How many logits it gives to a text."""
        return sum(len(model.labels) for model in self.models)

    def split(self, logits: Logits) -> list[Logits]:
        """Each model's columns of its logits."""
        ends = np.cumsum([len(model.labels) for model in self.models])
        return np.split(logits, ends[:-1], axis=1)

    @property
    def name(self) -> str:
        """The names of its models."""
        return "+".join(model.name for model in self.models)


@dataclass(slots=True, eq=False)
class Request:
    """One caller's texts on their way through one or more models; carries its own reply.

    `logits` holds one float32 [texts, labels] per part, filled on the device thread; the future
    is settled on the caller's event loop, exactly once.
    """

    parts: tuple[Part, ...]
    texts: Sequence[str]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[Logits]]
    key: str = ""
    """Whose it is: the waiting line serves keys in turn."""
    timings: Timings | None = None
    """Where its times are kept, if its caller wants to know them."""
    asked: str = ""
    """The name under which it came: a model's, or an ensemble's."""
    arrived: float = field(default_factory=monotonic)
    started: bool = False
    error: EngineError | None = None
    logits: list[Logits] = field(init=False)
    pending: int = field(init=False)
    """Rows that no forward has answered yet, over all parts."""
    models: int = field(init=False)
    """How many models read each text."""
    texts_waiting: int = 0
    """Of its texts, those that no batch has taken; the admission counts them."""
    tokens_waiting: int = 0
    """Their tokens, once for each model."""

    def __post_init__(self) -> None:
        rows = len(self.texts)
        self.models = sum(len(part.models) for part in self.parts)
        self.logits = [np.empty((rows, part.labels), dtype=np.float32) for part in self.parts]
        self.pending = rows * len(self.parts)

    @property
    def limit(self) -> int:
        """Most tokens that any of its texts can have."""
        return max(part.tokenizer.limit for part in self.parts)

    @property
    def dead(self) -> bool:
        """Nobody waits for this reply any more: cancelled, expired or failed."""
        return self.error is not None or self.future.done()

    def resolve(self) -> None:
        """Answer the caller; on its event loop only."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.logits)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One text of a request, tokenised for each of the request's parts."""

    request: Request
    row: int
    encodings: tuple[Encoding, ...]
    """One per part of the request; the same object where parts share a tokenizer."""
    tokens: int
    """Length of the longest of its encodings."""

    @property
    def work(self) -> int:
        """Its tokens, once for each model that reads them."""
        return self.tokens * self.request.models
