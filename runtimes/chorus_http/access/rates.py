"""How many requests a caller may send in a while.

A bucket per caller, in each process: full at first, refilled evenly. Answers say what is left of
it in the fields RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from pyrate_limiter import GCRA, Decision, Duration, MonotonicClock, Rate

UNITS: Final = {"second": Duration.SECOND, "minute": Duration.MINUTE, "hour": Duration.HOUR}
FORM: Final = re.compile(r"([1-9][0-9]{0,5})/(second|minute|hour)")
CLOCK: Final = MonotonicClock()
MOST_CALLERS: Final = 10_000  # 2 MB; of more, whoever was seen longest ago starts anew


def checked_rate(text: str) -> str:
    """Accept `100/second` and the like. Raises ValueError."""
    if not FORM.fullmatch(text):
        raise ValueError(f"write it as 100/second; the units are {', '.join(UNITS)}")
    return text


class CallerRates:
    """A bucket for each caller at each rate; callers without a name share one.

    By the monotonic clock: whoever sets the time of day gives and takes nothing.
    """

    def __init__(
        self, now: Callable[[], int] = CLOCK.now, most_callers: int = MOST_CALLERS
    ) -> None:
        self._now = now  # milliseconds
        self._most_callers = most_callers
        self._algorithm = GCRA()
        # The oldest use first.
        self._states: OrderedDict[tuple[str, str], tuple[float, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    def spend(self, caller: str, rate: str) -> Decision:
        """Take one from the caller's bucket, if there is one."""
        key, rates = (caller, rate), [_rate(rate)]
        self._states[key], decision = self._algorithm.step(rates, self._state(key), self._now(), 1)
        self._states.move_to_end(key)
        if len(self._states) > self._most_callers:
            self._states.popitem(last=False)
        return decision

    def fields(self, caller: str, rate: str, wait: int = 0) -> dict[str, str]:
        """What the draft has an answer say; `wait`, in seconds, is what a refused one is told."""
        of = _rate(rate)
        spent = self._algorithm.consumed([of], self._state((caller, rate)), self._now())
        more = wait or math.ceil(of.interval / of.limit / 1000)
        return {
            "ratelimit-policy": f'"caller";q={of.limit};w={of.interval // 1000}',
            "ratelimit": f'"caller";r={max(of.limit - spent, 0)};t={more}',
        }

    def _state(self, key: tuple[str, str]) -> tuple[float, ...]:
        return self._states.get(key) or (0,)  # which GCRA reads as long past


def retry_after(decision: Decision) -> int:
    """Whole seconds after which one request is let in; 0 where this one was."""
    return math.ceil((decision.retry_after_ms or 0) / 1000)


@lru_cache(maxsize=1024)
def _rate(text: str) -> Rate:
    limit, unit = checked_rate(text).split("/")
    return Rate(int(limit), UNITS[unit])
