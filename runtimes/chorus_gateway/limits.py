"""How much of the gateway one caller may have; off unless there are limits or keys."""

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chorus_gateway.errors import HANDLERS, GatewayError, RateLimited, TooManyAtOnce
from chorus_http.access.callers import CALLER, Caller, key_of
from chorus_http.access.limits import CallerLimits
from chorus_http.errors import OverConcurrency, OverRate

CLASSIFY: Final = "/classify"  # the one path that works for whoever sends a GET


class LimitCallers:
    """Holds requests for work to their caller's limits; probes, metrics and pages are free.

    A caller without a key of its own is told by its credentials, and has the limits given here.
    """

    def __init__(
        self, app: ASGIApp, limits: CallerLimits, rate: str | None, concurrency: int | None
    ) -> None:
        self._app = app
        self._limits = limits
        self._rate = rate
        self._concurrency = concurrency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        caller = (scope.get(CALLER) or self._stranger(scope)) if _is_work(scope) else None
        if caller is None or (caller.rate is None and caller.concurrency is None):
            await self._app(scope, receive, send)
            return
        try:
            with self._limits.held(caller.name, caller.rate, caller.concurrency) as fields:
                await self._app(scope, receive, _saying(fields, send))
        except OverRate as error:
            refuse = _refusing(RateLimited(error.retry_after))
            await refuse(scope, receive, _saying(error.fields, send))
        except OverConcurrency as error:
            await _refusing(TooManyAtOnce(error.retry_after))(scope, receive, send)

    def _stranger(self, scope: Scope) -> Caller:
        name = key_of(Headers(scope=scope))
        return Caller(name, frozenset(), self._rate, self._concurrency)


def _is_work(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return scope["method"] == "POST" or path.rstrip("/") == CLASSIFY


def _saying(fields: dict[str, str], send: Send) -> Send:
    """Add the fields to the head of the answer."""
    if not fields:
        return send
    own = [(name.encode(), value.encode()) for name, value in fields.items()]

    async def say(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *own]
        await send(message)

    return say


def _refusing(error: RateLimited) -> ASGIApp:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        response = await HANDLERS[GatewayError](Request(scope), error)
        await response(scope, receive, send)

    return refuse
