"""Callers of POST /process from outside the pods: every answer is compared with that of its text.

Half of them keep their connections, and use none that has been idle for as long as a gateway
drains: within that time each of its connections either carries an answer, which says that it
closes, or is let go. The others take a new one each time, so that a pod that joins has work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import aiohttp

IDLE_SECONDS = 1.0
"""Below the 2 s for which a gateway of the manifests tells connections to close."""
PAUSE_SECONDS = 2.0
"""Before a second try: above the second after which no new connection goes to a dead pod."""
ANSWER_SECONDS = 10.0
"""Of one try: what is sent to a pod in the moment that its network goes gets no answer, ever."""
CALLERS = 12
"""Of each kind: so many connections that every pod has some."""
WORTH_A_RETRY = ("refused", "cut off", "late", "503")
TOLERANCE = 1e-5

Answer = Mapping[str, Mapping[str, Any]]


@dataclass
class Tally:
    """What became of the requests of a load; failures and retries by their reason."""

    seconds: list[float] = field(default_factory=list)
    retried: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Texts that got another answer than their own."""

    @property
    def sent(self) -> int:
        return len(self.seconds) + self.failed.total()

    def __str__(self) -> str:
        ordered = sorted(self.seconds) or [0.0]
        p50, p99 = (1e3 * ordered[int(len(ordered) * part)] for part in (0.5, 0.99))
        return (
            f"{self.sent} sent, {self.retried.total()} tried twice, {self.failed.total()} failed, "
            f"{len(self.wrong)} wrong; p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        )


class Load:
    """Sends the texts of `expected` in turn; `tries` is how often each may be sent."""

    def __init__(self, url: str, expected: Mapping[str, Answer], *, tries: int = 1) -> None:
        self.tally = Tally()
        self._url = url
        self._expected = expected
        self._texts = [*expected]
        self._tries = tries
        self._numbers = count()

    @asynccontextmanager
    async def at_a_rate(self, per_second: float) -> AsyncIterator[Tally]:
        """While this is open, send by the clock, answered or not; at the end wait for the rest."""
        stop = asyncio.Event()
        sending = asyncio.create_task(self._send_by_the_clock(per_second, stop))
        try:
            yield self.tally
        finally:
            stop.set()
            await sending

    async def at_once(self, clients: int, seconds: float) -> float:
        """So many clients, each of which sends when it has its answer; answers per second."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds

        async def client(session: aiohttp.ClientSession) -> None:
            while loop.time() < end:
                await self._ask(session)

        async with _sessions(clients, self._url) as sessions:
            await asyncio.gather(*map(client, sessions))
        return len(self.tally.seconds) / seconds

    async def _send_by_the_clock(self, per_second: float, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with (
            _sessions(CALLERS, self._url) as keeping,
            _sessions(CALLERS, self._url, force_close=True) as closing,
            asyncio.TaskGroup() as group,
        ):
            callers = cycle([*keeping, *closing])
            for number in count(1):
                group.create_task(self._ask(next(callers)))
                await asyncio.sleep(max(0.0, began + number / per_second - loop.time()))
                if stop.is_set():
                    break

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        text = self._texts[next(self._numbers) % len(self._texts)]
        began = asyncio.get_running_loop().time()
        for left in reversed(range(self._tries)):
            answer, failure = await _sent(session, text)
            if answer is not None:
                self.tally.seconds.append(asyncio.get_running_loop().time() - began)
                if not is_same(answer, self._expected[text]):
                    self.tally.wrong.append(text)
                return
            if not left or failure not in WORTH_A_RETRY:
                self.tally.failed[failure] += 1
                return
            self.tally.retried[failure] += 1
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def _sessions(
    number: int, url: str, **kind: bool
) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """So many callers, each with connections of its own; kept for a while, or as `kind` says."""
    options: dict[str, Any] = kind or {"keepalive_timeout": IDLE_SECONDS}
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with AsyncExitStack() as opened:
        yield [
            await opened.enter_async_context(
                aiohttp.ClientSession(
                    url, connector=aiohttp.TCPConnector(limit=0, **options), timeout=timeout
                )
            )
            for _ in range(number)
        ]


async def _sent(session: aiohttp.ClientSession, text: str) -> tuple[Answer | None, str]:
    """The answer; or why there is none: another status, or that the connection was lost."""
    try:
        async with session.post("/process", json=text) as response:
            if response.status == 200:
                return await response.json(), ""
            return None, str(response.status)
    except aiohttp.ClientConnectorError:
        return None, "refused"
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError):
        return None, "cut off"
    except TimeoutError:
        return None, "late"


def is_same(answer: Answer, expected: Answer) -> bool:
    """Whether every model says the same; alone or in a batch, scores differ by rounding."""
    return answer.keys() == expected.keys() and all(
        answer[model]["label"] == own["label"]
        and abs(answer[model]["score"] - own["score"]) <= TOLERANCE
        for model, own in expected.items()
    )
