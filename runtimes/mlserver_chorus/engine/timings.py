"""What became of one request and when, for whoever asks; all times are of `monotonic`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass that computed a part of the request, beside those of other callers."""

    name: str
    """Of the model, or a+b of several that ran side by side."""
    rows: int
    """Texts of all callers in it."""
    tokens: int | None
    """Of these texts; None where the model keeps that to itself."""
    began: float
    ended: float
    failure: str | None = None
    """The kind of failure, where it gave no answers."""


@dataclass(slots=True, eq=False)
class Timings:
    """Written by the engine's threads while the request is under way."""

    tokenising: float | None = None
    """When tokenising began; it ended when the request was queued."""
    queued: float | None = None
    """When it joined the line for the device."""
    taken: float | None = None
    """When the first batch with a text of it was taken from there."""
    tokens: int = 0
    """Of its texts, once for each."""
    passes: list[Pass] = field(default_factory=list)

    def tokenised(self, began: float, ended: float, tokens: int) -> None:
        """Note that its texts are tokens, and in line."""
        self.tokenising, self.queued, self.tokens = began, ended, tokens
