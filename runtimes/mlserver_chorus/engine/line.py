"""The waiting line: callers' keys in turn, each key's texts in order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from .types import Entry

# Tokens of a key's turn. Small, so that a caller with one text waits for a text or two of each of
# the others; a longer text is paid off in later turns.
_TURN = 256


@dataclass(slots=True, eq=False)
class _Share:
    """One key's texts, and the tokens that are left of its turn; below zero it owes some."""

    key: str
    credit: int
    entries: deque[Entry] = field(default_factory=deque)


class Line:
    """Deficit round robin by tokens; with one key it is first come, first served."""

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        self._turns: deque[_Share] = deque()

    def __bool__(self) -> bool:
        return bool(self._turns)

    def put(self, entries: Sequence[Entry]) -> None:
        """Add texts of one request."""
        key = entries[0].request.key
        share = self._shares.get(key)
        if share is None:
            share = self._shares[key] = _Share(key, _TURN)
            self._turns.append(share)
        share.entries.extend(entries)

    def first(self) -> Entry | None:
        """Whose turn it is; None when nobody waits."""
        if not self._turns:
            return None
        while self._turns[0].credit <= 0:
            self._turns[0].credit += _TURN
            self._turns.rotate(-1)
        return self._turns[0].entries[0]

    def take(self) -> Entry:
        """Remove the first, at its key's cost."""
        self._turns[0].credit -= self._turns[0].entries[0].work
        return self.drop()

    def drop(self) -> Entry:
        """Remove the first, which nobody pays for."""
        share = self._turns[0]
        entry = share.entries.popleft()
        if not share.entries:
            self._turns.popleft()
            del self._shares[share.key]
        return entry

    def clear(self) -> list[Entry]:
        """Remove all."""
        left = [entry for share in self._turns for entry in share.entries]
        self._turns.clear()
        self._shares.clear()
        return left
