"""The REST routes for streams: what fails before the first event is an ordinary error.

MLServer sends its 200 first, and then has only the connection left to break.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from fastapi import Request
from mlserver.errors import MLServerError
from mlserver.rest.endpoints import Endpoints
from mlserver.rest.responses import ServerSentEvent
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import insert_headers
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.types import Send

from chorus_http.traces.context import CURRENT


class Failure(BaseModel):
    """What a stream ends with that fails half-way."""

    error: str


class EventStream(StreamingResponse):
    """Server-sent events; the status waits for the first of them, and so may be an error's."""

    def __init__(self, responses: AsyncGenerator[InferenceResponse]) -> None:
        super().__init__((), media_type="text/event-stream")
        self._responses = responses

    async def stream_response(self, send: Send) -> None:
        """Send everything in one task, which also closes what produces it. Raises MLServerError."""
        async with aclosing(self._responses) as responses:
            event = ServerSentEvent(await anext(responses))
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            try:
                await _send(send, event)
                async for response in responses:
                    await _send(send, ServerSentEvent(response))
            except MLServerError as error:
                if span := CURRENT.get():
                    span.failed(str(error.status_code))
                await _send(send, ServerSentEvent(Failure(error=str(error))))
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(send: Send, event: ServerSentEvent) -> None:
    await send({"type": "http.response.body", "body": event.encode(), "more_body": True})


class StreamEndpoints(Endpoints):
    """MLServer's endpoints, with streams that wait for their first event."""

    async def infer_stream(
        self,
        raw_request: Request,
        payload: InferenceRequest,
        model_name: str,
        model_version: str | None = None,
    ) -> StreamingResponse:
        """Answer with server-sent events."""
        insert_headers(payload, dict(raw_request.headers))
        responses = self._data_plane.infer_stream(_once(payload), model_name, model_version)
        return EventStream(cast(AsyncGenerator[InferenceResponse], responses))


async def _once(payload: InferenceRequest) -> AsyncGenerator[InferenceRequest]:
    yield payload
