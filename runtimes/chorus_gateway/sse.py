"""Server-sent events, as far as model servers and their callers use them: lines of data."""

from collections.abc import AsyncIterator
from typing import Final

import orjson

from chorus_gateway.errors import UpstreamInvalid

DONE: Final = b"data: [DONE]\n\n"  # how a stream in OpenAI's format ends


async def read(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Yield the data of each event, however the bytes were cut into chunks.

    Raises UpstreamInvalid for an event of more than `limit` bytes.
    """
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > limit:
            raise UpstreamInvalid(f"an event of more than {limit} bytes")
        for line in lines:
            if line.startswith(b"data:"):  # other fields, comments and blanks carry none
                yield line[5:].strip()


def write(content: object) -> bytes:
    """Write one event with a JSON value."""
    return b"data: " + orjson.dumps(content) + b"\n\n"
