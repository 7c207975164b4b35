"""A text cut where parts of it are marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The characters from `start` to before `end`, and what they are."""

    start: int
    end: int
    label: str


def cut(text: str, spans: Iterable[Span]) -> list[tuple[str, str | None]]:
    """Return all of the text in order, each piece with its label if it has one.

    Of spans that overlap, the one that begins first counts; those out of the text do not.
    """
    pieces: list[tuple[str, str | None]] = []
    done = 0
    for span in sorted(spans, key=lambda span: span.start):
        if not done <= span.start < span.end <= len(text):
            continue
        pieces.append((text[done : span.start], None))
        pieces.append((text[span.start : span.end], span.label))
        done = span.end
    pieces.append((text[done:], None))
    return [piece for piece in pieces if piece[0]]
