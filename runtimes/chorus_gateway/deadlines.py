"""Who asks and until when it wants its answer, and how the gateway keeps to that."""

import asyncio
from collections.abc import Awaitable
from time import monotonic
from typing import Final, NamedTuple, TypeVar

from starlette.requests import Request

from chorus_gateway.errors import BadInput, DeadlinePassed
from chorus_http.access.callers import ANONYMOUS, CALLER, Caller, key_of
from chorus_http.connections import timeouts

T = TypeVar("T")

HEADER: Final = "x-request-timeout"  # to the model server, in seconds
LEAST_SECONDS: Final = 0.001


class Terms(NamedTuple):
    """The caller's key, and when it gives up, on the clock of `monotonic`, if it says so."""

    caller: str = ANONYMOUS
    deadline: float | None = None


NOTHING_SAID: Final = Terms()
SAID_IN: Final = frozenset({b"authorization", *(name.encode() for name in timeouts.HEADERS)})


def terms_of(request: Request, longest: float) -> Terms:
    """Read a request's terms; the deadline is at most `longest` seconds from now.

    Raises BadInput, which names the header.
    """
    # Most requests say nothing, and one look at all names costs a fifth of a search for each.
    if SAID_IN.isdisjoint([name for name, _ in request.scope["headers"]]):
        return NOTHING_SAID
    try:
        seconds = timeouts.requested(request.headers)
    except timeouts.BadTimeout as error:
        raise BadInput(str(error)) from None
    deadline = None if seconds is None else monotonic() + min(seconds, longest)
    return Terms(caller_of(request), deadline)


def caller_of(request: Request) -> str:
    """Whose request it is, for those who take turns."""
    caller: Caller | None = request.scope.get(CALLER)
    return caller.name if caller else key_of(request.headers)


def within(deadline: float | None, work: Awaitable[T]) -> Awaitable[T]:
    """Do the work, or cancel it at the deadline. Raises DeadlinePassed, and what it raises."""
    return work if deadline is None else _limited(deadline, work)


async def _limited(deadline: float, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(deadline - monotonic()) as timer:
            return await work
    except TimeoutError:
        if timer.expired():
            raise DeadlinePassed from None
        raise


def note(request: Request, deadline: float | None) -> None:
    """Keep a deadline with its request."""
    request.scope["deadline"] = deadline


def noted(request: Request) -> float | None:
    """The deadline that was kept with a request, if it has one."""
    deadline: float | None = request.scope.get("deadline")
    return deadline


def what_is_left(request: Request) -> dict[str, str]:
    """The header that tells the next server of a request's deadline; empty if it has none."""
    deadline = noted(request)
    if deadline is None:
        return {}
    return {HEADER: f"{max(deadline - monotonic(), LEAST_SECONDS):.3f}"}
