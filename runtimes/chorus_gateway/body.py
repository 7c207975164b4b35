"""Reading a request body: declared as JSON, and never more of it than the cap."""

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from chorus_gateway.errors import BodyTooLarge, MediaTypeUnsupported


def require_json(headers: Headers) -> None:
    """Accept JSON or no declaration at all. Raises MediaTypeUnsupported."""
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip()
    if media_type.lower() != "application/json":
        raise MediaTypeUnsupported("send the body as content-type: application/json")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaTypeUnsupported("send the body without content-encoding")


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body. Raises BodyTooLarge before it holds more than `limit` bytes.

    The framework's own limit would answer in plain text, so it is not used.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge(f"the body must be at most {limit} bytes")
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        length += len(chunk)
        if length > limit:
            raise BodyTooLarge(f"the body must be at most {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
