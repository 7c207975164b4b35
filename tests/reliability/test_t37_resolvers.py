"""T37: what a name resolves to is judged, all of it, and what was judged is connected to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.chorus_gateway.media.files import png
from tests.chorus_gateway.media.site import Site
from tests.chorus_gateway.outbound.names import Names, made_up

from .watched_gateway import FIELDS, gateway

ANSWERS = {
    "mixed.example": ["8.8.8.8", "127.0.0.1"],
    "mixed-the-other-way.example": ["10.0.0.1", "8.8.8.8"],
    "mixed-families.example": ["8.8.8.8", "::1"],
    "mapped.example": ["::ffff:8.8.8.8"],
    "mapped-metadata.example": ["::ffff:169.254.169.254"],
    "nat64.example": ["64:ff9b::808:808"],
    "local-nat64.example": ["64:ff9b:1::808:808"],
    "6to4.example": ["2002:808:808::"],
    "teredo.example": ["2001::1"],
    "multicast.example": ["224.0.0.1"],
    "any.example": ["0.0.0.0"],
}
V2_ANSWER = (
    b'{"outputs": [{"name": "output", "datatype": "BYTES", "shape": [1, 1], '
    b'"parameters": {"content_type": "hg_jsonlist"}, "data": ["[]"]}]}'
)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return made_up(monkeypatch)


@asynccontextmanager
async def site(host: str, port: int = 0) -> AsyncIterator[Site]:
    """A server that answers either field with what it wants."""
    one = Site()

    async def answer(writer: asyncio.StreamWriter) -> None:
        post = one.requests[-1].startswith(b"POST")
        declared, body = (b"application/json", V2_ANSWER) if post else (b"image/png", png())
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % (declared, len(body)) + body)
        await writer.drain()

    one.answer = answer
    async with await asyncio.start_server(one.on_connection, host, port) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one


async def test_t37_one_wrong_address_and_none_is_tried(names: Names) -> None:
    asked = []
    for host, answer in ANSWERS.items():
        names.says(host, answer)
    async with gateway("public") as place:
        for host in ANSWERS:
            for field in FIELDS:
                response = await place.send(field, f"http://{host}/v2/models/m/infer")
                assert response.status_code == 400, (host, field)
                asked.append(host)
                assert names.lookups == asked, "one lookup for each"
        assert place.connections == []


@pytest.mark.parametrize("field", FIELDS)
async def test_t37_a_name_that_changes_its_mind(names: Names, field: str) -> None:
    async with site("127.0.0.1") as first, site("127.0.0.2", first.port) as second:
        names.says("a.example", ["127.0.0.1"], ["127.0.0.2"])
        url = f"http://a.example:{first.port}/v2/models/m/infer"
        async with gateway(f"*.example:{first.port}", networks=("127.0.0.1/32",)) as place:
            assert (await place.send(field, url)).status_code == 200
            assert names.lookups == ["a.example"]
        async with gateway(f"*.example:{first.port}", networks=("127.0.0.1/32",)) as place:
            assert (await place.send(field, url)).status_code == 400
            assert names.lookups == ["a.example"] * 2
    assert (first.connections, second.connections) == (1, 0)
    assert f"host: a.example:{first.port}".encode() in first.requests[0].lower()


async def test_t37_a_resolver_that_is_down_is_nobodys_fault(names: Names) -> None:
    names.is_down = True
    async with gateway("public") as place:
        for field in FIELDS:
            response = await place.send(field, "http://a.example/v2/models/m/infer")
            assert response.status_code == 502
        assert place.connections == []
