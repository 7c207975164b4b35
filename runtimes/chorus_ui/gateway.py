"""The gateway, asked over its public HTTP API."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, fields
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from chorus_ui import events
from chorus_ui.errors import GatewayError, refused, unanswered
from chorus_ui.request import Request

__all__ = ["Answer", "Gateway", "GatewayError", "Model"]

LISTING_SECONDS: Final = 5.0  # of GET /models, which is asked for again and again
ANSWER_SECONDS: Final = 130.0  # above the 120 s that the gateway gives a model
CONNECT_SECONDS: Final = 3.0
CONNECTIONS: Final = httpx.Limits(max_connections=256, max_keepalive_connections=32)


@dataclass(frozen=True)
class Model:
    """A model that is ready, as `GET /models` describes it."""

    name: str
    task: str | None = None
    weights: str | None = None
    checkpoint: str | None = None
    revision: str | None = None
    labels: str | None = None
    standin: str | None = None
    """`random` or `trained` where its weights only stand in for the real ones."""

    @classmethod
    def read(cls, stated: Mapping[str, Any]) -> Self:
        """Build it from what the gateway states, of which it may be more than is known here."""
        known = {one.name: stated[one.name] for one in fields(cls) if one.name in stated}
        return cls(**known)


@dataclass(frozen=True)
class Answer:
    """What the gateway answered: parsed JSON, or the bytes of a WAV file."""

    value: Any
    seconds: float
    weights: str | None
    """Of `x-chorus-weights`: `standin`, `hub`, `folder`; None where it is not said."""


class Gateway:
    """A client for all users of the page; each call carries the key of the one who asks."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=CONNECTIONS,
            trust_env=False,
            transport=transport,
        )

    async def models(self, key: str | None = None) -> list[Model]:
        """List the models that are ready. Raises GatewayError."""
        try:
            response = await self._client.get(
                "/models", headers=_headers(key), timeout=LISTING_SECONDS
            )
        except httpx.TransportError as error:
            raise unanswered(error) from None
        listed = _parsed(response)
        return [Model.read(stated) for stated in listed["models"]]

    async def send(self, request: Request, key: str | None = None) -> Answer:
        """Send a request whose path is whole. Raises GatewayError."""
        started = time.perf_counter()
        try:
            response = await self._client.post(
                request.path, content=request.content, headers=_headers(key, request)
            )
        except httpx.TransportError as error:
            raise unanswered(error) from None
        value = _parsed(response)
        return Answer(value, time.perf_counter() - started, _weights(response))

    async def stream(
        self, model: str, request: Request, key: str | None = None
    ) -> AsyncGenerator[Answer, None]:
        """Ask one model for a text in pieces: each answer has the text so far.

        Raises GatewayError.
        """
        request = request.below(path_of(model))
        started = time.perf_counter()
        try:
            async with self._client.stream(
                "POST", request.path, content=request.content, headers=_headers(key, request)
            ) as response:
                if response.is_error:
                    await response.aread()
                    raise refused(response)
                async with aclosing(events.texts(response.aiter_lines())) as texts:
                    async for text in texts:
                        yield Answer(text, time.perf_counter() - started, _weights(response))
        except httpx.TransportError as error:
            raise unanswered(error) from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def path_of(model: str) -> str:
    """Return the path that a model is asked at."""
    return f"/models/{quote(model, safe='')}"


def _headers(key: str | None, request: Request | None = None) -> httpx.Headers:
    headers = httpx.Headers({"content-type": request.content_type} if request else {})
    key = "".join((key or "").split())  # a pasted one may have a blank at its end
    if key:
        return httpx.Headers([*headers.raw, (b"authorization", f"Bearer {key}".encode())])
    return headers


def _parsed(response: httpx.Response) -> Any:
    if response.is_error:
        raise refused(response)
    if response.headers.get("content-type", "").startswith("audio/"):
        return response.content
    try:
        return response.json()
    except ValueError:
        raise GatewayError("This address does not answer as a gateway of Chorus does.") from None


def _weights(response: httpx.Response) -> str | None:
    weights: str | None = response.headers.get("x-chorus-weights")
    return weights
