"""How many requests a caller may send in a while; off unless a rate is set.

A bucket per caller, in each gateway process: full at first, refilled evenly. Answers say what is
left of it in the fields RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from pyrate_limiter import GCRA, Decision, Duration, MonotonicClock, Rate
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chorus_gateway.errors import HANDLERS, GatewayError, RateLimited
from chorus_http.callers import key_of

UNITS: Final = {"second": Duration.SECOND, "minute": Duration.MINUTE, "hour": Duration.HOUR}
FORM: Final = re.compile(r"([1-9][0-9]{0,5})/(second|minute|hour)")
CLOCK: Final = MonotonicClock()
MOST_CALLERS: Final = 10_000  # 2 MB; of more, whoever was seen longest ago starts anew
CLASSIFY: Final = "/classify"  # the one path that works for whoever sends a GET


def checked_rate(text: str) -> str:
    """Accept `100/second` and the like. Raises ValueError."""
    if not FORM.fullmatch(text):
        raise ValueError(f"write it as 100/second; the units are {', '.join(UNITS)}")
    return text


class CallerRates:
    """A bucket for each caller, all alike; callers without credentials share one.

    By the monotonic clock: whoever sets the time of day gives and takes nothing.
    """

    def __init__(
        self,
        rate: str,
        now: Callable[[], int] = CLOCK.now,
        most_callers: int = MOST_CALLERS,
    ) -> None:
        limit, unit = checked_rate(rate).split("/")
        self._rates = [Rate(int(limit), UNITS[unit])]
        self._now = now  # milliseconds
        self._most_callers = most_callers
        self._algorithm = GCRA()
        self._states: OrderedDict[str, tuple[float, ...]] = OrderedDict()  # oldest use first

    def __len__(self) -> int:
        return len(self._states)

    def spend(self, caller: str) -> Decision:
        """Take one from the caller's bucket, if there is one."""
        state = self._state(caller)
        state, decision = self._algorithm.step(self._rates, state, self._now(), 1)
        self._states[caller] = state
        self._states.move_to_end(caller)
        if len(self._states) > self._most_callers:
            self._states.popitem(last=False)
        return decision

    def fields(self, caller: str, decision: Decision) -> dict[str, str]:
        """What the draft has an answer say; `t` is how long until more is in the bucket."""
        [rate] = self._rates
        spent = self._algorithm.consumed(self._rates, self._state(caller), self._now())
        more = retry_after(decision) or math.ceil(rate.interval / rate.limit / 1000)
        return {
            "ratelimit-policy": f'"caller";q={rate.limit};w={rate.interval // 1000}',
            "ratelimit": f'"caller";r={max(rate.limit - spent, 0)};t={more}',
        }

    def _state(self, caller: str) -> tuple[float, ...]:
        return self._states.get(caller) or self._algorithm.initial(self._rates)


def retry_after(decision: Decision) -> int:
    """Whole seconds after which one request is let in; 0 where this one was."""
    return math.ceil((decision.retry_after_ms or 0) / 1000)


class LimitRates:
    """Lets a caller's requests for work pass at its rate; probes, metrics and pages are free."""

    def __init__(self, app: ASGIApp, rates: CallerRates) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if not _is_work(scope):
            await self._app(scope, receive, send)
            return
        caller = key_of(Headers(scope=scope))
        decision = self._rates.spend(caller)
        fields = self._rates.fields(caller, decision)

        async def say_what_is_left(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in fields.items()]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        app = self._app if decision.allowed else _refusing(RateLimited(retry_after(decision)))
        await app(scope, receive, say_what_is_left)


def _is_work(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return scope["method"] == "POST" or path.rstrip("/") == CLASSIFY


def _refusing(error: RateLimited) -> ASGIApp:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        response = await HANDLERS[GatewayError](Request(scope), error)
        await response(scope, receive, send)

    return refuse
