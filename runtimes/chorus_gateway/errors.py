"""What may go wrong in the gateway, and the one place where that becomes an HTTP status.

GatewayError
├── RequestError             the caller's fault
│   ├── NotServed            what it asks for is not served here
│   ├── UnknownModel         it names a model that nobody here serves
│   ├── AmbiguousModel       several model servers have one of that name
│   ├── BadInput             a field of it is missing, unknown or wrong
│   │   └── UnknownTask      it names a task that there is not
│   ├── UrlNotAllowed        it names a URL that the gateway does not go to
│   ├── BodyNotJson          the body is not JSON in UTF-8
│   ├── BodyNotText          it is JSON, but not a string
│   ├── BodyTooLarge         it is longer than the cap
│   └── MediaTypeUnsupported it is declared as something else than plain JSON
├── Overloaded               too much is waiting already
│   ├── Displaced            its place went to a caller of whom less is waiting
│   ├── OutOfReach           its turn would come after its deadline
│   └── Busy                 as many requests as may be are being answered
├── RateLimited              the caller sends more than it may
│   └── TooManyAtOnce        … at a time
├── FetchFailed              an image or a recording did not come from its URL
│   └── FetchTimeout         … in time
├── DeadlinePassed           the time that the caller gave is over
├── Draining                 the gateway is shutting down
└── UpstreamError            the model server's
    ├── UpstreamUnavailable  it is down, busy, or cut the connection
    │   ├── UpstreamBusy     it answered that it is busy
    │   ├── UpstreamLoading  it is loading the model
    │   └── UpstreamTimeout  it did not answer in time
    ├── UpstreamUnreachable  the server of the caller's choice cannot be reached
    ├── UpstreamRefused      it answered 4xx
    │   └── InputRefused     … because of what a text says
    └── UpstreamFailed       it answered 5xx
        ├── InputFailed      … because a model failed on what a text says
        └── UpstreamInvalid  it answered something that is not what was asked for

Whoever meets one raises it and answers nothing; `STATUSES` says what the caller sees.
"""

import http
import math
import random
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response


class GatewayError(Exception):
    """Base of everything that the gateway raises on purpose."""

    refusal: str | None = None
    """Why it turns work away that it could do at another time; its label in the metrics."""
    retry_after: int | None = None
    """Seconds after which it is worth trying again, where that is known."""


class RequestError(GatewayError):
    """The request is wrong; its text says what to send instead."""


class NotServed(RequestError):
    """What the request asks for is not served here."""


class UnknownModel(RequestError):
    """Nobody here serves a model of that name; the text lists who is served."""


class AmbiguousModel(RequestError):
    """Several model servers have a model of that name."""


class BadInput(RequestError):
    """A field of the request is missing, unknown or wrong; the text names it."""


class UnknownTask(BadInput):
    """There is no task of that name; the text lists the tasks."""


class UrlNotAllowed(RequestError):
    """The gateway does not go to that URL; the text is one fixed sentence, whatever is there."""


class BodyNotJson(RequestError):
    """The body is not JSON in UTF-8."""


class BodyNotText(RequestError):
    """The body is JSON, but not a string."""


class BodyTooLarge(RequestError):
    """The body is longer than the cap."""


class MediaTypeUnsupported(RequestError):
    """The body is declared as something else than plain JSON."""


class Overloaded(GatewayError):
    """More is waiting than the gateway accepts."""

    refusal = "full"

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after


class Displaced(Overloaded):
    """The place in the line was needed for a caller of whom less is waiting."""

    refusal = "displaced"


class OutOfReach(Overloaded):
    """With so much waiting before it, the turn of the text would come after its deadline."""

    refusal = "out_of_reach"


class Busy(Overloaded):
    """As many requests as the gateway answers at a time are being answered."""

    refusal = "busy"


class RateLimited(GatewayError):
    """The caller sends more than its rate allows."""

    refusal = "rate"

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyAtOnce(RateLimited):
    """As many of the caller's requests as may be are being answered."""

    refusal = "concurrency"


class FetchFailed(GatewayError):
    """An image or a recording did not come from its URL; the text, for the log, says why."""


class FetchTimeout(FetchFailed):
    """An image or a recording did not come from its URL in time."""


class DeadlinePassed(GatewayError):
    """The time that the caller gave in x-request-timeout or x-request-timeout-ms is over."""

    refusal = "deadline"


class Draining(GatewayError):
    """The gateway is shutting down."""

    refusal = "draining"


class UpstreamError(GatewayError):
    """The model server gave no usable answer; `kind` is its label in the metrics."""

    kind = "other"


class UpstreamUnavailable(UpstreamError):
    """The model server is down, busy or cut the connection.

    `retry_after` is its own advice, `message` what it said of it.
    """

    kind = "unavailable"

    def __init__(self, what: str, retry_after: int | None = None, message: str = "") -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.message = message


class UpstreamBusy(UpstreamUnavailable):
    """The model server answered that it is busy, or does not serve now."""

    kind = "busy"


class UpstreamLoading(UpstreamUnavailable):
    """The model is being loaded; `estimated_time` is how many seconds that may take."""

    kind = "loading"

    def __init__(self, what: str, estimated_time: float = 20.0) -> None:
        super().__init__(what, retry_after=math.ceil(estimated_time))
        self.estimated_time = estimated_time


class UpstreamTimeout(UpstreamUnavailable):
    """The model server did not answer in time."""

    kind = "timeout"


class UpstreamUnreachable(UpstreamError):
    """The model server that the request names cannot be reached, or cut the connection."""

    kind = "unreachable"


class UpstreamRefused(UpstreamError):
    """The model server answered 4xx; `message` is what it said of it."""

    kind = "refused"

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(f"status {status}")  # logged, so without words that may quote a text
        self.status = status
        self.message = message


class InputRefused(UpstreamRefused):
    """The model server refused what a text says."""


class UpstreamFailed(UpstreamError):
    """The model server answered 5xx."""

    kind = "failed"


class InputFailed(UpstreamFailed):
    """A model failed on what a text says; `message`, the model server's words, names the model."""

    kind = "input_failed"

    def __init__(self, what: str, message: str = "") -> None:
        super().__init__(what)
        self.message = message


class UpstreamInvalid(UpstreamFailed):
    """The model server answered something that is not what was asked for."""

    kind = "invalid"


class Row(NamedTuple):
    """What a caller sees of an error."""

    status: int
    message: Callable[[Any], str]


def _always(message: str) -> Callable[[GatewayError], str]:
    return lambda _: message


def _with_reason(message: str) -> Callable[[Any], str]:
    """Say what happened and, in the model server's own words, why."""
    return lambda error: _quoting(message, error.message)


def _quoting(message: str, said: str) -> str:
    """Quote the model server only if it speaks in one short line without anything like a path."""
    if said and len(said) <= 200 and said.isprintable() and not set(said) & set("/\\"):
        return f"{message}: {said}"
    return message


def refusal(said: str) -> str:
    """Say that the model server refused the input, and what it said of it."""
    return _quoting("the model server refused the input", said)


STATUSES: Final[Mapping[type[GatewayError], Row]] = {
    NotServed: Row(404, str),
    UnknownModel: Row(404, str),
    AmbiguousModel: Row(409, str),
    BadInput: Row(400, str),
    UnknownTask: Row(400, str),
    UrlNotAllowed: Row(400, str),
    BodyNotJson: Row(400, str),
    BodyNotText: Row(422, str),
    BodyTooLarge: Row(413, str),
    MediaTypeUnsupported: Row(415, str),
    Overloaded: Row(503, _always("too many texts are waiting; try again")),
    Displaced: Row(503, _always("too many texts of this caller are waiting; try again")),
    OutOfReach: Row(503, _always("too busy to answer in the time given; try again")),
    RateLimited: Row(429, _always("this caller sends too much; see retry-after")),
    TooManyAtOnce: Row(429, _always("too many requests of this caller at a time; await answers")),
    FetchFailed: Row(502, _always("the image or recording cannot be fetched from its URL")),
    FetchTimeout: Row(504, _always("the image or recording did not come from its URL in time")),
    DeadlinePassed: Row(504, _always("the time that x-request-timeout gives is over")),
    Busy: Row(503, _always("too many requests are being answered; try again")),
    Draining: Row(503, _always("the gateway is shutting down; try again")),
    UpstreamUnavailable: Row(503, _always("the model server is not available; try again")),
    UpstreamBusy: Row(503, _with_reason("the model server is not available; try again")),
    UpstreamLoading: Row(503, _always("the model is currently loading; try again")),
    UpstreamUnreachable: Row(
        502, _always("the model server cannot be reached, or cut the connection")
    ),
    UpstreamTimeout: Row(504, _with_reason("the model server did not answer in time")),
    UpstreamRefused: Row(502, _always("the model server refused the gateway's request")),
    InputRefused: Row(422, _with_reason("the model server refused the input")),
    UpstreamFailed: Row(502, _always("the model server failed")),
    InputFailed: Row(502, _with_reason("the model server failed")),
    UpstreamInvalid: Row(502, _always("the model server gave an invalid answer")),
}


class ErrorBody(BaseModel):
    """The body of every error."""

    error: str


def documented(*errors: type[GatewayError]) -> dict[int | str, dict[str, Any]]:
    """Describe errors for OpenAPI, so that the documentation cannot disagree with `STATUSES`."""
    rows: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        row = rows.setdefault(STATUSES[error].status, {"model": ErrorBody, "description": ""})
        row["description"] = f"{row['description']} {error.__doc__}".strip()
    return rows


def message_of(error: Exception) -> str:
    """What a caller may read of an error, where it can be told by no status."""
    row = STATUSES.get(type(error))  # type: ignore[arg-type] # of any other there is none
    return row.message(error) if row else "internal error"


def error_response(
    status: int, message: str, headers: Mapping[str, str] | None = None, **more: float
) -> Response:
    """Build the one shape that every error of the gateway has: {"error": message}."""
    body = orjson.dumps({"error": message, **more})
    return Response(body, status, headers, media_type="application/json")


async def _on_gateway_error(request: Request, error: GatewayError) -> Response:
    row = STATUSES[type(error)]
    request.scope["refusal"] = error.refusal  # for the metrics
    headers = _retry_after(row.status, error)
    if isinstance(error, UpstreamLoading):  # what Hugging Face's clients look for
        time = error.estimated_time
        return error_response(row.status, row.message(error), headers, estimated_time=time)
    return error_response(row.status, row.message(error), headers)


def _retry_after(status: int, error: GatewayError) -> dict[str, str] | None:
    """Whole seconds; with a 503 jittered: those refused together must not come back together."""
    advice = error.retry_after or 1
    if status == 503:
        return {"retry-after": str(advice + random.randrange(3))}  # noqa: S311 # no secret
    return {"retry-after": str(advice)} if status == 429 else None


async def _on_http_error(_: Request, error: HTTPException) -> Response:
    """Answer what the framework refuses by itself: 404, 405 (with Allow)."""
    message = http.HTTPStatus(error.status_code).phrase.lower()
    return error_response(error.status_code, message, error.headers)


async def _on_validation_error(_: Request, error: RequestValidationError) -> Response:
    """Name the first wrong field and the rule it breaks; never its value."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return error_response(422, f"{field}: {first['msg']}")


async def _on_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # for the metrics; the caller is gone


async def _on_bug(_: Request, __: Exception) -> Response:
    return error_response(500, "internal error")


HANDLERS: Final[dict[int | type[Exception], Callable[[Request, Any], Any]]] = {
    GatewayError: _on_gateway_error,
    HTTPException: _on_http_error,
    RequestValidationError: _on_validation_error,
    ClientDisconnect: _on_disconnect,
    Exception: _on_bug,
}
