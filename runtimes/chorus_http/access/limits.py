"""How much of a server one caller may have: its rate, and its requests at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import OverConcurrency, OverRate
from .rates import CallerRates, retry_after


class CallerLimits:
    """Counts for this process: whatever the caller comes by, its requests are counted together."""

    def __init__(self, rates: CallerRates | None = None) -> None:
        self._rates = rates or CallerRates()
        self._at_once: Counter[str] = Counter()

    @contextmanager
    def held(
        self, caller: str, rate: str | None, concurrency: int | None
    ) -> Iterator[dict[str, str]]:
        """Answer one request in here; yields the fields that say what is left of the rate.

        Raises OverRate, OverConcurrency; what is turned away for the latter costs nothing of the
        rate.
        """
        if concurrency and self._at_once[caller] >= concurrency:
            raise OverConcurrency
        fields = self._spend(caller, rate) if rate else {}
        self._at_once[caller] += 1
        try:
            yield fields
        finally:
            self._at_once[caller] -= 1
            if not self._at_once[caller]:
                del self._at_once[caller]

    def _spend(self, caller: str, rate: str) -> dict[str, str]:
        decision = self._rates.spend(caller, rate)
        wait = retry_after(decision)
        fields = self._rates.fields(caller, rate, wait)
        if not decision.allowed:
            raise OverRate(wait, fields)
        return fields
