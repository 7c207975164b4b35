"""A connection that is timed and limited: uvicorn itself waits for ever, for heads of any length.

One timer serves a connection. What happens on it only moves the moment at which it is due, so that
a request costs no timer of its own.
"""

from __future__ import annotations

import asyncio
import http
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import BadBody, HeadTooLarge, Refused, TooLarge
from . import host, leaving

MAX_CHUNKS: Final = 1 << 16
"""Of one body; each costs more to read than the byte that it may hold."""
CHUNK_OVERHEAD: Final = 16
"""Bytes around a chunk: its length in digits, two line ends, a short extension."""
LEAST_TAKEN: Final = 1 << 16
"""Bytes that a reader has to take within the body's time, beyond the kernel's MiBs."""
LINGER: Final = 2.0
"""Seconds in which a refused caller may read why, before the connection is gone."""

_BODY_HEADERS: Final = {b"content-length", b"transfer-encoding"}
_NEVER: Final = math.inf


@dataclass(frozen=True)
class Limits:
    """What one request may take of bytes and seconds."""

    max_head_bytes: int = 16384
    head_timeout: float = 10.0
    """From the connection or the request's first byte to the end of its head."""
    body_timeout: float = 30.0
    """From there to the end of its body; and for its answer to be taken."""


def limited(limits: Limits) -> type[HttpToolsProtocol]:
    """The class for `uvicorn.Config(http=…)`."""

    class Limited(LimitedConnection):
        _limits = limits

    return Limited


class LimitedConnection(HttpToolsProtocol):
    """uvicorn's connection, with an end to everything that it waits for."""

    _limits: ClassVar[Limits]

    working: asyncio.Task[Any] | None = None
    """Who is to be cancelled when the caller leaves."""
    left = False
    """Whether the connection is gone."""
    _refused = False
    _refusal: Refused | None = None
    _chunks = 0
    _arrived = 0
    """Bytes that are being parsed."""
    _overhead = 0
    """Bytes of the current request that are not its body, give or take what came with them."""
    _due = _NEVER
    """When the caller must have sent what is expected of it."""
    _unsent = 0
    _unsent_since = 0.0
    """How much waited to be sent when the reader last made progress."""

    # ------------------------------------------------------------------------ the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request from now on."""
        super().connection_made(transport)
        limits = self._limits
        # No deadline is ever set nearer than this, so none is met late.
        self._nearest = min(limits.head_timeout, limits.body_timeout, self.timeout_keep_alive)
        self._expect(limits.head_timeout)
        self._timer = self.loop.call_later(self._nearest, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is worked on for nobody."""
        self.left = True
        self._timer.cancel()
        super().connection_lost(exc)
        # They hold us, and a body perhaps: nobody should have to find that out to free it.
        self.cycle = self.scope = None  # type: ignore[assignment]
        if self.working:
            self.working.cancel()

    def _expect(self, seconds: float) -> None:
        self._due = self.loop.time() + seconds

    def _tick(self) -> None:
        now = self.loop.time()
        reader_due = self._reader_due(now)
        # It is we who do not read, or it is reading still.
        if (self.flow.read_paused or reader_due < _NEVER) and self._due < _NEVER:
            self._due = max(self._due, now + self._nearest)
        due = min(self._due, reader_due)
        if now >= due:
            self._cut()
        else:
            self._timer = self.loop.call_at(min(due, now + self._nearest), self._tick)

    def _cut(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # to close would be to wait for who does not read
        else:
            self.transport.close()

    def _reader_due(self, now: float) -> float:
        """When the caller must have taken more of its answer."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0:
            self._unsent = 0
            return _NEVER
        if self._unsent == 0 or unsent <= self._unsent - LEAST_TAKEN:
            self._unsent, self._unsent_since = unsent, now
        return self._unsent_since + self._limits.body_timeout

    def resume_writing(self) -> None:
        """The reader has taken nearly all: progress."""
        super().resume_writing()
        self._unsent = 0

    # --------------------------------------------------------------------------- what arrives

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; what follows a refusal is thrown away."""
        if self._refused:
            return
        self._arrived = len(data)
        self._overhead += self._arrived
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # answered as if nothing else had been asked for
        except httptools.HttpParserError:
            refusal = self._refusal or BadBody("this is no HTTP request")
            self._refuse(refusal.with_traceback(None))  # its frames hold all of us
            return
        if self._overhead > self._limits.max_head_bytes + self._chunks * CHUNK_OVERHEAD:
            self._refuse(self._head_too_large())

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self.scope[leaving.KEY] = self  # type: ignore[typeddict-unknown-key] # for ourselves alone
        self._chunks = 0
        self._expect(self._limits.head_timeout)

    def on_headers_complete(self) -> None:
        """The end of a request's head."""
        if max(self._overhead, self._arrived) > self._limits.max_head_bytes:
            self._check_head()
        hosts = [value for name, value in self.headers if name == b"host"]
        if not host.is_good(hosts, self.parser.get_http_version()):
            self._stop(BadBody("host: exactly one name or address is needed"))
        upgrade = self.parser.should_upgrade()
        if upgrade and not _BODY_HEADERS.isdisjoint(name for name, _ in self.headers):
            self._stop(
                BadBody("no other protocol is spoken here; send the request without upgrade")
            )
        super().on_headers_complete()
        self.headers = []  # trailers go nowhere
        self._overhead = 0
        if upgrade:
            self.cycle.keep_alive = False  # the parser reads no further, not even a body
        self._expect(self._limits.body_timeout)

    def _check_head(self) -> None:
        """Count the head exactly, now that it may be too long: it is not all that has arrived."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.max_head_bytes:
            self._stop(self._head_too_large())

    def on_chunk_header(self) -> None:
        """Another piece of a body whose length is not declared."""
        self._chunks += 1
        if self._chunks > MAX_CHUNKS + 1:  # the last one is empty
            self._stop(TooLarge(f"the body must come in at most {MAX_CHUNKS} chunks"))

    def on_body(self, body: bytes) -> None:
        """Some of a request's body."""
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        super().on_message_complete()
        self._overhead = 0
        self._due = _NEVER
        if not self.pipeline:
            self.flow.resume_reading()  # else nobody would see the caller leave
        if self.cycle.response_complete:
            self._expect(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """The end of an answer; the silence after it is timed like all else, by the one timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._due == _NEVER:
            self._expect(self.timeout_keep_alive)

    def _should_upgrade(self) -> bool:
        return False

    # ------------------------------------------------------------------------------- refusals

    def _head_too_large(self) -> Refused:
        limit = self._limits.max_head_bytes
        return HeadTooLarge(f"the request line and headers must be at most {limit} bytes")

    def _stop(self, refusal: Refused) -> None:
        """Make the parser stop; it lets out no exception of ours."""
        self._refusal = refusal
        raise refusal

    def _refuse(self, refusal: Refused) -> None:
        """Say why, unless an answer is under way, and read no more requests."""
        self._refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:  # this one is right, the next is not
                cycle.keep_alive = False
                return
            # Whoever waits for the rest of this body is told that it will not come.
            cycle.disconnected = cycle.response_complete = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        self.flow.resume_reading()
        self.transport.write(_answer(refusal, self.server_state.default_headers))
        # Closing at once would reset the connection, and the answer would be lost on its way.
        self.transport.write_eof()
        self._timer.cancel()
        self._timer = self.loop.call_later(LINGER, self.transport.abort)


def _answer(refusal: Refused, headers: list[tuple[bytes, bytes]]) -> bytes:
    body = orjson.dumps({"error": str(refusal)})
    phrase = http.HTTPStatus(refusal.status).phrase
    lines = [
        f"HTTP/1.1 {refusal.status} {phrase}".encode(),
        *(name + b": " + value for name, value in headers),
        b"content-type: application/json",
        b"content-length: " + str(len(body)).encode(),
        b"connection: close",
    ]
    return b"\r\n".join([*lines, b"", body])
