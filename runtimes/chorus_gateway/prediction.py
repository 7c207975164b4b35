"""A task request on its way to a model and back.

TaskRequest ──media──▶ TaskRequest ──encode──▶ V2 ──upstream──▶ V2 ──decode──▶ results
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import orjson

from chorus_gateway import codecs
from chorus_gateway.body import MAX_JSON_DEPTH, parse_json
from chorus_gateway.errors import UpstreamInvalid
from chorus_gateway.generation import Step, read_step
from chorus_gateway.media import MediaReader
from chorus_gateway.tasks import wire
from chorus_gateway.tasks.request import TaskRequest
from chorus_gateway.upstream.sender import Headers
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams
from chorus_http.access.callers import ANONYMOUS

if TYPE_CHECKING:
    from chorus_gateway.media.files import File

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 2  # the models need the cores
JSON_EXPECTED: Final = f"the body must be JSON, at most {MAX_JSON_DEPTH} levels deep"
AT_ONCE_BYTES: Final = 64 << 10  # below a millisecond, in which the event loop may stand still


@dataclass(frozen=True)
class Call:
    """A request, the model that is to answer it, and the headers that go with it.

    `size` is how many bytes came in, by which the work is judged; callers of different `caller`
    take turns.
    """

    request: TaskRequest
    target: Target
    headers: Headers
    size: int
    caller: str = ANONYMOUS


class Predictor:
    """Takes calls to their models."""

    def __init__(self, upstreams: Upstreams, media: MediaReader) -> None:
        self._upstreams = upstreams
        self._media = media
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="codec")
        self._codecs_are_loaded = False

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def parse_json(self, body: bytes) -> Any:
        """Read a body. Raises BodyNotJson."""
        return await self._run(len(body), parse_json, body, JSON_EXPECTED)

    async def results(self, call: Call) -> list[Any]:
        """One result per input. Raises BadInput, UnknownModel, every UpstreamError."""
        async with self._encoded(call) as body:
            reply = await self._upstreams.infer(call.target, body, call.headers)
        return await self._run(len(reply), _decode, call.request, reply)

    async def steps(self, call: Call) -> AsyncGenerator[Step, None]:
        """Token by token, the last one with the ending. Raises as `results` does."""
        async with (
            self._encoded(call) as body,
            aclosing(self._upstreams.stream(call.target, body, call.headers)) as events,
        ):
            async for event in events:
                step = read_step(event)
                yield step
                if step.ending:
                    return
        raise UpstreamInvalid("the stream ended before the text did")

    @asynccontextmanager
    async def _encoded(self, call: Call) -> AsyncIterator[bytes]:
        """The body for the model server; what its images take, they take while it is needed."""
        if not self._codecs_are_loaded:
            await self._run(AT_ONCE_BYTES + 1, codecs.load)
            self._codecs_are_loaded = True
        sources = call.request.media()
        if not sources:
            yield await self._run(call.size, wire.encode, call.request)
            return
        files = await self._media.open_all(sources)
        async with self._media.memory(files, call.caller) as memory:
            body = await self._with_media(call.request, files)
            files.clear()
            memory.shrink(len(body))
            yield body

    async def _with_media(self, request: TaskRequest, files: list[File]) -> bytes:
        request = request.with_media(await self._media.decode_all(files))
        return await self._run(AT_ONCE_BYTES + 1, wire.encode, request)

    async def _run(
        self, size: int, work: Callable[P, T], *arguments: P.args, **options: P.kwargs
    ) -> T:
        """Do at once what is small, and on a thread what would hold up everybody else."""
        if size <= AT_ONCE_BYTES:
            return work(*arguments, **options)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*arguments, **options))


def _decode(request: TaskRequest, reply: bytes) -> list[Any]:
    try:
        content = orjson.loads(reply)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("the body is not JSON") from None
    if not isinstance(content, dict):
        raise UpstreamInvalid("the body is not a JSON object")
    return wire.decode(request, content)
