"""How long to wait after a failure, so that many followers do not press a server that is ill."""

import random
from typing import Final

FIRST_SECONDS: Final = 1.0
MOST_SECONDS: Final = 30.0


class Backoff:
    """Doubles from failure to failure, up to a bound; each wait is of random length."""

    def __init__(self) -> None:
        self.failures = 0

    def next(self) -> float:
        """Count a failure; the seconds to wait."""
        longest = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it

    def reset(self) -> None:
        """Begin anew: there was no failure."""
        self.failures = 0
