"""Callers that do not wait for each other: texts are sent by the clock, each on a connection.

Every outcome is kept, refusals too, and every answer is checked against its own text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

import httptools
import httpx
from tests.live.protocol import tensor

HOST = "127.0.0.1"
CLOSED = 0  # what stands for a status where there was no answer


class Wire(NamedTuple):
    """How a text is sent, and how the answers of all models to it are read, by name."""

    path: str
    write: Callable[[str], str]
    read: Callable[[bytes], Any]


def _write_v2(text: str) -> str:
    return json.dumps({"inputs": [tensor([text])]})


def _read_v2(body: bytes) -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}
    for output in json.loads(body)["outputs"]:
        model, _, part = output["name"].rpartition(".")
        [answers.setdefault(model, {})[part]] = output["data"]
    return answers


PROCESS = Wire("/process", json.dumps, json.loads)
V2 = Wire("/v2/models/process/infer", _write_v2, _read_v2)


class Outcome(NamedTuple):
    """What became of a text; seconds count from when sending was due."""

    due: float
    seconds: float
    status: int
    retry_after: str | None
    text: str
    body: bytes
    wire: Wire

    @property
    def ended(self) -> float:
        return self.due + self.seconds

    @property
    def is_own(self) -> bool:
        """Whether it is the answer to its text, or an error in the one shape that errors have."""
        from chorus_faulty import score_of

        if self.status == CLOSED:
            return False
        if self.status != 200:
            return list(json.loads(self.body)) == ["error"]
        answer = self.wire.read(self.body)
        label, score = score_of(self.text)
        return list(answer) == ["left", "right"] and all(
            one["label"] == label and abs(one["score"] - score) < 1e-6 for one in answer.values()
        )


class Connection(asyncio.Protocol):
    """Kept alive, with one request at a time; `done` gets the status, Retry-After and the body."""

    def __init__(self) -> None:
        self.done: Callable[[int, str | None, bytes], None] | None = None
        self._start()

    def _start(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._retry_after: str | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._finish(self._parser.get_status_code())

    def connection_lost(self, _: Exception | None) -> None:
        self._finish(CLOSED)

    def _finish(self, status: int) -> None:
        done, self.done = self.done, None
        retry_after, body = self._retry_after, self._body
        self._start()
        if done:
            done(status, retry_after, body)


class Callers:
    """Sends texts to one port, under one name."""

    def __init__(self, port: int, name: str = "", wire: Wire = PROCESS) -> None:
        self.outcomes: list[Outcome] = []
        self._wire = wire
        self._port = port
        self._head = f"authorization: Bearer {name}\r\n" if name else ""
        self._idle: list[Connection] = []
        self._busy = 0
        self._all_ended = asyncio.Event()

    async def at_a_rate(self, per_second: float, seconds: float) -> list[Outcome]:
        """Send by the clock and wait for every outcome; those of this call."""
        first = len(self.outcomes)
        begin = perf_counter()
        for number in range(int(per_second * seconds)):
            due = begin + number / per_second
            while (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
            await self._send(due)
        await self._until_all_ended()
        return self.outcomes[first:]

    async def at_once(self, clients: int, seconds: float) -> list[Outcome]:
        """So many clients, each of which sends its next text when the last is answered."""
        first = len(self.outcomes)
        end = perf_counter() + seconds

        async def client() -> None:
            while (now := perf_counter()) < end:
                await (await self._send(now))

        await asyncio.gather(*(client() for _ in range(clients)))
        return self.outcomes[first:]

    def close(self) -> None:
        for connection in self._idle:
            connection.transport.abort()

    async def _send(self, due: float) -> asyncio.Future[None]:
        connection = self._idle.pop() if self._idle else await self._connect()
        text = f"text {next(_numbers):>9} of many"
        body = self._wire.write(text)
        head = (
            f"POST {self._wire.path} HTTP/1.1\r\nhost: {HOST}\r\n{self._head}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        ended = asyncio.get_running_loop().create_future()

        def done(status: int, retry_after: str | None, body: bytes) -> None:
            seconds = perf_counter() - due
            self.outcomes.append(Outcome(due, seconds, status, retry_after, text, body, self._wire))
            self._busy -= 1
            if status != CLOSED:
                self._idle.append(connection)
            if not self._busy:
                self._all_ended.set()
            ended.set_result(None)

        connection.done = done
        self._busy += 1
        connection.transport.write((head + body).encode())
        return ended

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, HOST, self._port))[1]

    async def _until_all_ended(self) -> None:
        while self._busy:
            self._all_ended.clear()
            await asyncio.wait_for(self._all_ended.wait(), 60)


_numbers: Iterator[int] = count()


def accepted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.status == 200]


def refused(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.status == 503]


def percentile(outcomes: Sequence[Outcome], share: float) -> float:
    """The nearest-rank percentile of the seconds; 0 of nothing."""
    seconds = sorted(outcome.seconds for outcome in outcomes)
    return seconds[min(int(share * len(seconds)), len(seconds) - 1)] if seconds else 0.0


def per_second(outcomes: Sequence[Outcome], begin: float, end: float) -> float:
    """Accepted texts that were answered between two moments, per second."""
    return sum(begin <= one.ended < end for one in accepted(outcomes)) / (end - begin)


async def most_waiting(url: str, until: asyncio.Event) -> float:
    """The most texts that waited in the gateway whenever its metrics were looked at."""
    most = 0.0
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while not until.is_set():
            page = (await client.get("/metrics")).text.splitlines()
            [value] = [line for line in page if line.startswith("chorus_gateway_waiting_texts ")]
            most = max(most, float(value.split()[1]))
            await asyncio.sleep(0.1)
    return most
