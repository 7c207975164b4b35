"""A closed-loop load generator: C clients, each sends its next text when the last is answered.

A text is one or more POSTs sent at once, each on its own keep-alive connection; it is answered
when the last reply is in, and good only if every reply passes its check. With one POST it loads
a server that answers everything in one call, with several it is the thin aggregator in front of
a server that does not. It only ever connects to 127.0.0.1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import partial
from itertools import cycle
from time import perf_counter, process_time
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools
import psutil
import uvloop

from benchmarks.texts import challenge_texts, short_texts

HOST = "127.0.0.1"
RECONNECT_SECONDS = 0.05
SWEEP_SECONDS = 0.25

Check = Callable[[bytes], bool]


class Call(NamedTuple):
    """One HTTP request, ready to be written, and the check that its reply's body must pass."""

    request: bytes
    check: Check


Text = tuple[Call, ...]


class Verdict(IntEnum):
    """How a text ended; of several replies the worst one counts."""

    GOOD = 0
    WRONG = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Report:
    """What one measurement saw: counts of texts, seconds of time and CPU, latency in ms."""

    clients: int
    seconds: float
    good: int
    wrong: int
    errors: int
    p50_ms: float
    p99_ms: float
    generator_cpu_s: float
    server_cpu_s: float
    machine_cpu_s: float
    first_failure: str | None = None

    @property
    def others_cpu_s(self) -> float:
        """CPU seconds taken by everything but the server and the generator."""
        return max(0.0, self.machine_cpu_s - self.server_cpu_s - self.generator_cpu_s)

    @property
    def good_per_s(self) -> float:
        """Texts per second that were answered, and answered right."""
        return self.good / self.seconds


def post(path: str, body: bytes, port: int) -> bytes:
    """A complete `POST` of a JSON body over keep-alive HTTP/1.1."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


async def generate(
    port: int,
    texts: Sequence[Text],
    *,
    clients: int,
    seconds: float,
    warmup: float = 3.0,
    timeout: float = 10.0,
    server_cpu: Callable[[], float] = lambda: 0.0,
) -> Report:
    """Send `texts`, in order and over again, and report on the texts that end in the window.

    The window opens after `warmup` and lasts `seconds`. A text without an answer after `timeout`
    seconds is an error. `server_cpu` is read at both edges of the window.
    """
    run = _Run(port, cycle(texts), timeout)
    width = max(len(text) for text in texts)
    crowd = [_Client(run, width) for _ in range(clients)]
    # A pause of the collector would show as latency of the server.
    gc.collect()
    gc.disable()
    try:
        for client in crowd:
            client.next()
        sweeper = asyncio.create_task(_sweep(crowd, timeout))
        await asyncio.sleep(warmup)
        run.open_window()
        before, start = _Cpu(process_time(), server_cpu(), _machine_cpu()), perf_counter()
        await asyncio.sleep(seconds)
        elapsed = perf_counter() - start
        after = _Cpu(process_time(), server_cpu(), _machine_cpu())
    finally:
        run.over = True
        gc.enable()
    sweeper.cancel()
    for client in crowd:
        await client.close()
    return Report(
        clients=clients,
        seconds=elapsed,
        good=run.counts[Verdict.GOOD],
        wrong=run.counts[Verdict.WRONG],
        errors=run.counts[Verdict.FAILED],
        p50_ms=_percentile(run.latencies, 0.50) * 1e3,
        p99_ms=_percentile(run.latencies, 0.99) * 1e3,
        generator_cpu_s=after.generator - before.generator,
        server_cpu_s=after.server - before.server,
        machine_cpu_s=after.machine - before.machine,
        first_failure=run.first_failure,
    )


class _Cpu(NamedTuple):
    """CPU seconds used so far."""

    generator: float
    server: float
    machine: float


class _Run:
    """What all clients share: the texts still to send and the counts of those that ended."""

    def __init__(self, port: int, texts: Iterator[Text], timeout: float) -> None:
        self.port = port
        self.texts = texts
        self.timeout = timeout
        self.over = False
        self.first_failure: str | None = None
        self.open_window()

    def open_window(self) -> None:
        self.counts: Counter[Verdict] = Counter()
        self.latencies: list[float] = []

    def record(self, verdict: Verdict, latency: float) -> None:
        # The latency of a refused connection would flatter the server.
        if not self.over:
            self.counts[verdict] += 1
            if verdict is Verdict.GOOD:
                self.latencies.append(latency)

    def explain(self, what: str) -> None:
        if self.first_failure is None and not self.over:
            self.first_failure = what[:300]


class _Client:
    """One closed loop: send a text on all its connections, wait for every reply, repeat."""

    def __init__(self, run: _Run, width: int) -> None:
        self.run = run
        self.connections = [_Connection(self) for _ in range(width)]
        self.connecting: asyncio.Task[None] | None = None
        self.started = 0.0
        self.pending = 0
        self.verdict = Verdict.GOOD

    def next(self) -> None:
        if self.run.over:
            return
        if not all(connection.open for connection in self.connections):
            self.connecting = asyncio.create_task(self._connect())
            return
        text = next(self.run.texts)
        self.verdict = Verdict.GOOD
        self.pending = len(text)
        self.started = perf_counter()
        for connection, call in zip(self.connections, text, strict=False):
            connection.send(call)

    def settle(self, verdict: Verdict) -> None:
        if verdict > self.verdict:
            self.verdict = verdict
        self.pending -= 1
        if not self.pending:
            self.run.record(self.verdict, perf_counter() - self.started)
            self.next()

    def expire(self, before: float) -> None:
        """Give up a text that was sent before the given moment."""
        if self.pending and self.started < before:
            self.run.explain(f"no reply in {self.run.timeout:g} s")
            for connection in self.connections:
                connection.abort()

    async def close(self) -> None:
        if self.connecting is not None:
            self.connecting.cancel()
            await asyncio.gather(self.connecting, return_exceptions=True)
        for connection in self.connections:
            connection.abort()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if self.verdict is Verdict.FAILED:
            # A server that drops connections must not keep this process busy reconnecting.
            await asyncio.sleep(RECONNECT_SECONDS)
        for slot, connection in enumerate(self.connections):
            while not connection.open:
                try:
                    _, connection = await loop.create_connection(
                        partial(_Connection, self), HOST, self.run.port
                    )
                    self.connections[slot] = connection
                except OSError as error:
                    self.run.explain(f"cannot connect: {error}")
                    self.run.record(Verdict.FAILED, 0.0)
                    await asyncio.sleep(RECONNECT_SECONDS)
        self.next()


class _Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request in flight; used until it closes."""

    def __init__(self, client: _Client) -> None:
        self.client = client
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.call: Call | None = None
        self.body = b""
        self.open = False

    def send(self, call: Call) -> None:
        assert self.transport is not None, "a client sends only when all are connected: a bug"
        self.call = call
        self.transport.write(call.request)

    def abort(self) -> None:
        self.open = False
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.client.run.explain(f"not HTTP: {error}")
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._settle(Verdict.FAILED, f"connection lost: {error}")

    # What the parser calls.
    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        status = self.parser.get_status_code()
        if not self.parser.should_keep_alive():
            self.abort()
        if status != 200:
            self._settle(Verdict.FAILED, f"{status}: {body.decode(errors='replace')}")
        elif self.call is not None and not self.call.check(body):
            self._settle(Verdict.WRONG, f"wrong: {body.decode(errors='replace')}")
        else:
            self._settle(Verdict.GOOD, "")

    def _settle(self, verdict: Verdict, why: str) -> None:
        # No call: the reply was not asked for, or the text was settled before the line broke.
        if self.call is None:
            return
        self.call = None
        if verdict is not Verdict.GOOD:
            self.client.run.explain(why)
        self.client.settle(verdict)


async def _sweep(crowd: Iterable[_Client], timeout: float) -> None:
    # One look at all clients now and then costs less than a timer for every text.
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        before = perf_counter() - timeout
        for client in crowd:
            client.expire(before)


def _machine_cpu() -> float:
    """CPU seconds that all of the machine's processes have used; stolen time counts too."""
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    guests: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    # The kernel has counted guests in user time already.
    return float(sum(times)) - idle - guests


def _percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return float("nan")
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _is_json(body: bytes) -> bool:
    try:
        return bool(json.loads(body))
    except ValueError:
        return False


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.loadgen",
        description="Closed-loop load on one local server; every reply must be 200 and JSON.",
        epilog="example: python -m benchmarks.loadgen http://127.0.0.1:8000/process --clients 64",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", help="where to post; with --v2 the server's root")
    parser.add_argument("--v2", metavar="MODEL,…", help="send each text to these V2 models at once")
    parser.add_argument("--texts", choices=("short", "challenge"), default="short")
    parser.add_argument("--count", type=int, default=2000, help="how many different texts")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time")
    parser.add_argument("--warmup", type=float, default=3.0, help="time before it, not counted")
    arguments = parser.parse_args()
    if urlsplit(arguments.url).hostname not in (HOST, "localhost"):
        parser.error(f"loads {HOST} only")
    return arguments


def main() -> None:
    """Load one server and print the report as a line of JSON."""
    arguments = _arguments()
    url = urlsplit(arguments.url)
    port = url.port or 80
    make = short_texts if arguments.texts == "short" else challenge_texts

    def bodies(text: str) -> Iterator[tuple[str, bytes]]:
        if arguments.v2 is None:
            yield url.path or "/", json.dumps(text).encode()
            return
        for model in arguments.v2.split(","):
            yield f"{url.path.rstrip('/')}/v2/models/{model}/infer", v2_body(text)

    texts = [
        tuple(Call(post(path, body, port), _is_json) for path, body in bodies(text))
        for text in make(arguments.count)
    ]
    report = uvloop.run(
        generate(
            port,
            texts,
            clients=arguments.clients,
            seconds=arguments.seconds,
            warmup=arguments.warmup,
        )
    )
    print(json.dumps({"good_per_s": round(report.good_per_s, 1), **asdict(report)}))


def v2_body(text: str) -> bytes:
    """One text as a V2 inference request, in the form that Hugging Face runtimes take."""
    tensor = {"name": "array_inputs", "shape": [1], "datatype": "BYTES", "data": [text]}
    return json.dumps({"inputs": [tensor]}).encode()


if __name__ == "__main__":
    main()
