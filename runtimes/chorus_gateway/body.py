"""Reading a request body: declared as JSON, never more of it than the cap, unpacked on the way."""

from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request

from chorus_gateway.errors import BodyNotJson, BodyTooLarge, MediaTypeUnsupported
from chorus_http.connections import body, json_limits
from chorus_http.errors import BadBody, TooLarge, UnknownType

MAX_JSON_DEPTH: Final = 100  # a chat with images has ten


def require_json(headers: Headers) -> None:
    """Accept JSON or no declaration at all. Raises MediaTypeUnsupported."""
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip()
    if media_type.lower() != "application/json":
        raise MediaTypeUnsupported("send the body as content-type: application/json")


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body, unpacked if need be; at most `limit` bytes, packed or not.

    Raises BodyTooLarge, MediaTypeUnsupported, ClientDisconnect, and BodyNotJson for what is not
    packed as it says. The framework's own limit would answer in plain text, so it is not used.
    """
    try:
        return await body.read(request.headers, request.receive, limit)
    except TooLarge as error:
        raise BodyTooLarge(str(error)) from None
    except UnknownType as error:
        raise MediaTypeUnsupported(str(error)) from None
    except BadBody as error:
        raise BodyNotJson(str(error)) from None


def parse_json(content: bytes, expected: str) -> Any:
    """Parse JSON that is neither too deep nor of too many parts.

    Raises BodyNotJson, which says what is expected instead.
    """
    try:
        json_limits.check(content, MAX_JSON_DEPTH)
        return orjson.loads(content)
    except (BadBody, orjson.JSONDecodeError):
        raise BodyNotJson(expected) from None
