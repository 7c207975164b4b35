"""How fast the model server answers when it has all the work that it can take."""

from typing import Final

# Seconds of work after which a measurement counts half. Long enough for several calls to a GPU;
# of a model that takes longer for a call, the last calls count.
HALF_LIFE: Final = 2.0
LEAST_SECONDS: Final = 0.1  # two calls may end at the same moment, which says nothing


class Pace:
    """Texts per second from the end of a call to the end of the next, while texts wait.

    Only then: a server that waits for work itself shows how much it is asked, not what it can do.
    """

    def __init__(self) -> None:
        self._texts = 0.0
        self._seconds = 0.0
        self._since: float | None = None

    @property
    def rate(self) -> float | None:
        """Texts per second, None until it is known."""
        return self._texts / self._seconds if self._seconds >= LEAST_SECONDS else None

    def answered(self, texts: int, now: float) -> None:
        """A call has ended, with so many texts answered; 0 if it failed."""
        if self._since is not None:
            seconds = now - self._since
            keep = 0.5 ** (seconds / HALF_LIFE)
            self._texts = self._texts * keep + texts
            self._seconds = self._seconds * keep + seconds
        self._since = now

    def idle(self) -> None:
        """Nobody waits: the time until the next call ends says nothing."""
        self._since = None
