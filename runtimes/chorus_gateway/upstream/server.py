"""One model server: where it is, how busy it is, whether it is worth a call."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from chorus_gateway.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from chorus_gateway.upstream.breaker import Breaker
from chorus_gateway.upstream.faults import never_sent

# What a caller of a server that is gone is told: a supervisor waits for half a second, a model
# loads for some. Who comes back too early is told so again.
RESTART_SECONDS: Final = 5

PAUSE_SECONDS: Final = 0.1  # in which a server that nobody can stand in for may have come back

S = TypeVar("S", bound="Server")


class Server:
    """A server of V2 at `url`.

    A call that gave up before `patience` seconds were over has found out nothing: its caller, or
    who only asked how the server is, did not want to wait for as long as an answer may take.
    """

    def __init__(self, url: str, breaker: Breaker, patience: float) -> None:
        self.url = url
        self.breaker = breaker
        self.in_flight = 0
        self._patience = patience

    @contextmanager
    def call(self, timeout: float) -> Iterator[None]:
        """Make one call in here, of so many seconds at most; what it raises is what it found out.

        Raises UpstreamUnavailable, at once, while the server is left alone.
        """
        if not self.breaker.admits():
            raise gone("left alone, it does not answer")
        self.in_flight += 1
        try:
            yield
        except UpstreamTimeout as error:
            if timeout >= self._patience or never_sent(error):
                self.breaker.failed()
            raise
        except UpstreamUnavailable as error:
            self.breaker.failed()
            error.retry_after = error.retry_after or RESTART_SECONDS
            raise
        else:
            self.breaker.worked()
        finally:
            self.in_flight -= 1


def gone(what: str) -> UpstreamUnavailable:
    """Say that a server is away, and when to look for it again."""
    return UpstreamUnavailable(what, RESTART_SECONDS)


async def next_server(first: S, other: S | None, error: UpstreamError) -> S:
    """Return who is to do what `first` did not: another, or itself unless it was silent.

    Raises the error where there is nobody.
    """
    if other is not None:
        return other
    if isinstance(error, UpstreamTimeout):
        raise error
    if never_sent(error):
        await asyncio.sleep(PAUSE_SECONDS)
    return first
