"""How many requests each model has to answer: what replicas of this gateway scale on.

The texts of /process are counted where they wait; here is everything else. What other servers have
to answer is told apart: more replicas of ours would not help them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.target import Target

OTHER: Final = "other"
"""Models that only a caller's URL names, and those beyond the first MOST_NAMES."""
MOST_NAMES: Final = 100

OWN: Final = "own"
ELSEWHERE: Final = "elsewhere"

Key = tuple[str, str]
"""A model's name, and whose server it is on: OWN or ELSEWHERE."""


class InFlight:
    """Counts by the names that servers use; a name that a caller makes up becomes none."""

    def __init__(self, expected: Iterable[str]) -> None:
        self._counts = dict.fromkeys(((name, OWN) for name in expected), 0)
        self._found: set[tuple[Origin | None, str | None]] = set()

    @property
    def counts(self) -> Mapping[Key, int]:
        """Requests in flight, of every model so far."""
        return self._counts

    def found(self, target: Target) -> None:
        """Count a model by its name from now on: its server has it."""
        self._found.add((target.origin, target.model))

    @contextmanager
    def of(self, target: Target) -> Iterator[None]:
        """One more request for a model, for as long as this lasts."""
        key = self._key(target)
        self._counts[key] += 1
        try:
            yield
        finally:
            self._counts[key] -= 1

    def _key(self, target: Target) -> Key:
        server = ELSEWHERE if target.origin else OWN
        name = target.model if (target.origin, target.model) in self._found else None
        key = (name or OTHER, server)
        if key not in self._counts and len(self._counts) >= MOST_NAMES:
            key = (OTHER, server)
        self._counts.setdefault(key, 0)
        return key
