from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chorus_gateway import sse
from chorus_gateway.errors import UpstreamInvalid

STREAM = b': hello\n\ndata: {"a": 1}\n\nevent: x\ndata:two\r\n\r\ndata: three\n\n'


async def chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_events_however_they_are_cut(size: int) -> None:
    found = [data async for data in sse.read(chunks(STREAM, size), 100)]
    assert found == [b'{"a": 1}', b"two", b"three"]


async def test_an_event_without_end() -> None:
    with pytest.raises(UpstreamInvalid):
        [data async for data in sse.read(chunks(b"data: " + b"x" * 200, 10), 100)]


async def test_what_is_written_is_read() -> None:
    written = sse.write({"text": "a\nb"}) + sse.DONE
    found = [data async for data in sse.read(chunks(written, 3), 100)]
    assert found == [b'{"text":"a\\nb"}', b"[DONE]"]
