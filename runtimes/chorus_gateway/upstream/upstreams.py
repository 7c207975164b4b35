"""V2 as the task routes speak it: to our own servers, and to those of the caller's choice."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import orjson

from chorus_gateway import sse
from chorus_gateway.errors import (
    BadInput,
    GatewayError,
    InputRefused,
    UnknownModel,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLoading,
    UpstreamRefused,
    refusal,
)
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.arriving import ending_with_its_connection, paced
from chorus_gateway.upstream.deployed_url import FIELD, NAME
from chorus_gateway.upstream.reporting import report
from chorus_gateway.upstream.sender import Headers, Request, Sender
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.transport import Reply
from chorus_gateway.upstream.v2 import error_of

INDEX: Final = "/v2/repository/index"
COMING: Final = frozenset({"LOADING", "UNKNOWN"})  # MLServer calls what it loads UNKNOWN
MOST_NAMES: Final = 50  # in an error
LONGEST_EVENT: Final = 1 << 20  # bytes; the last one of a stream repeats all of the text


class Listed(NamedTuple):
    """A model in a server's index."""

    name: str
    state: str


class Upstreams:
    """Speaks V2 to the server of each Target, within so many seconds."""

    def __init__(
        self,
        sender: Sender,
        *,
        timeout: float,
        probe_timeout: float,
        on_error: Callable[[UpstreamError], None],
    ) -> None:
        self._sender = sender
        self._timeout = timeout
        self._probe_timeout = probe_timeout
        self._on_error = on_error

    async def infer(self, target: Target, body: bytes, headers: Headers) -> bytes:
        """Return the body of the answer. Raises BadInput, UnknownModel, every UpstreamError."""
        path = f"{target.path}/infer"
        request = Request("POST", target.origin, path, body, headers, total=self._timeout)
        with self._reporting(target):
            async with self._sender.sent(request) as response:
                reply = await self._sender.read(response)
            await self._require_ok(reply, target)
            return reply.body

    async def stream(
        self, target: Target, body: bytes, headers: Headers
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answers of a model that gives many. Raises as `infer` does."""
        path = f"{target.path}/generate_stream"
        request = Request("POST", target.origin, path, body, headers, between=self._timeout)
        with self._reporting(target):
            async with self._sender.sent(request) as response:
                if response.status == 200 and response.content_type == "text/event-stream":
                    with ending_with_its_connection(response):
                        events = sse.read(response.content.iter_any(), LONGEST_EVENT)
                        async for data in paced(events, self._timeout):
                            yield _object(data)
                    return
                reply = await self._sender.read(response)
            await self._require_ok(reply, target)
            raise UpstreamInvalid("no stream of events")

    async def metadata(self, target: Target) -> dict[str, Any]:
        """Return what the server says of the model. Raises as `infer` does."""
        with self._reporting(target):
            return _object(await self._ask("GET", target, target.path))

    async def ready(self, target: Target) -> bool:
        """Ask whether the server is there and the model is ready."""
        path = f"{target.path}/ready"
        request = Request("GET", target.origin, path, total=self._probe_timeout)
        try:
            async with self._sender.sent(request) as response:
                return response.status == 200
        except UpstreamError:
            return False

    async def index(self, origin: Origin | None) -> list[Listed]:
        """Return the models of a server. Raises BadInput, every UpstreamError."""
        with self._reporting(Target(origin, None)):
            return await self._index(origin)

    async def ready_models(self, origin: Origin | None) -> list[str]:
        """Return the names of a server's models that are ready, for who keeps asking.

        Raises every UpstreamError, none of which is logged or counted.
        """
        return [model.name for model in await self._index(origin) if model.state == "READY"]

    async def resolve(self, target: Target) -> Target:
        """Find the model that a bare server means: the one that is ready.

        Raises BadInput for several or none, UpstreamLoading, every UpstreamError.
        """
        if target.model is not None:
            return target
        models = await self.index(target.origin)
        ready = [model.name for model in models if model.state == "READY"]
        if len(ready) == 1:
            return Target(target.origin, ready[0])
        if ready:
            raise BadInput(f"{FIELD}: add /v2/models/NAME, where NAME is {some(ready)}")
        if any(model.state in COMING for model in models):
            raise UpstreamLoading("no model is ready yet")
        raise BadInput(f"{FIELD}: this server serves no model")

    async def _index(self, origin: Origin | None) -> list[Listed]:
        return _listed(await self._ask("POST", Target(origin, None), INDEX, b"{}"))

    async def _ask(
        self, method: str, target: Target, path: str, body: bytes | None = None
    ) -> bytes:
        request = Request(method, target.origin, path, body, total=self._probe_timeout)
        async with self._sender.sent(request) as response:
            reply = await self._sender.read(response)
        await self._require_ok(reply, target)
        return reply.body

    async def _require_ok(self, reply: Reply, target: Target) -> None:
        """Raise what any status but 200 means: every UpstreamError."""
        if reply.status == 200:
            return
        if reply.status in (400, 503) and await self._is_loading(target):
            raise UpstreamLoading(f"status {reply.status}")
        raise error_of(reply)

    async def _is_loading(self, target: Target) -> bool:
        """Ask whether the model will be ready if one waits; not all that are not ready will be."""
        if target.model is None or await self.ready(target):
            return False
        try:
            models = await self.index(target.origin)
        except (UpstreamError, BadInput):
            return False
        return any(m.name == target.model and m.state in COMING for m in models)

    @contextmanager
    def _reporting(self, target: Target) -> Iterator[None]:
        """Log and count what went wrong, and put it into the caller's terms."""
        try:
            yield
        except UpstreamError as error:
            report("another model server" if target.origin else "a model server of ours", error)
            self._on_error(error)
            raise _for_caller(error, target) from error


def _for_caller(error: UpstreamError, target: Target) -> GatewayError:
    """What the caller can mend becomes the caller's error."""
    match error:
        case InputRefused():
            return BadInput(refusal(error.message))
        case UpstreamRefused(status=404) if target.model is None:
            return BadInput(f"{FIELD}: add /v2/models/NAME; this server does not list its models")
        case UpstreamRefused(status=404):
            return UnknownModel(f"the model server does not know the model {target.model}")
    return error


def some(names: list[str]) -> str:
    """Names for an error, not too many."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("the body is not JSON") from None
    if not isinstance(content, dict):
        raise UpstreamInvalid("the body is not a JSON object")
    return content


def _listed(body: bytes) -> list[Listed]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("the index is not JSON") from None
    if not isinstance(content, list):
        raise UpstreamInvalid("the index is not a list")
    models = []
    for item in content:
        match item:
            case {"name": str(name), "state": str(state)} if NAME.fullmatch(name):
                models.append(Listed(name, state))
    return models
