from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from chorus_gateway.errors import UrlNotAllowed
from chorus_gateway.outbound.connecting import GuardedConnector
from chorus_gateway.outbound.networks import (
    METADATA,
    NOT_PUBLIC,
    AddressRefused,
    AddressRule,
    parse_networks,
)
from chorus_gateway.outbound.sessions import Outbound
from chorus_gateway.outbound.text import Origin

from .names import Names, watched


@dataclass
class Listener:
    """Answers everything with 200, and keeps what it was sent."""

    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)

    async def on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Listener]:
    listener = Listener()
    async with await asyncio.start_server(listener.on_connection, host, port) as server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as one:
        yield one


async def get(rule: AddressRule, url: str, times: int = 1) -> str:
    connector = GuardedConnector(rule, 10)
    async with aiohttp.ClientSession(connector=connector) as session:
        for _ in range(times):
            async with session.get(url) as response:
                body = await response.text()
    return body


def reason(error: aiohttp.ClientConnectorError) -> str:
    assert isinstance(error.os_error, AddressRefused)
    return str(error.os_error)


@pytest.mark.parametrize("host", ["127.0.0.1", "a.example"])
async def test_a_server_at_an_address_of_the_rule(
    listener: Listener, names: Names, host: str
) -> None:
    names.says("a.example", ["127.0.0.1"])
    assert await get(AddressRule(METADATA), f"http://{host}:{listener.port}/") == "ok"
    assert f"host: {host}:{listener.port}".encode() in listener.heads[0].lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "a.example"])
async def test_no_packet_goes_to_another(listener: Listener, names: Names, host: str) -> None:
    names.says("a.example", ["127.0.0.1"])
    with watched() as asked, pytest.raises(aiohttp.ClientConnectorError) as caught:
        await get(AddressRule(NOT_PUBLIC), f"http://{host}:{listener.port}/")
    assert reason(caught.value) == "its address is in 127.0.0.0/8"
    assert asked.connections == []
    assert listener.connections == 0


async def test_a_name_keeps_the_addresses_that_were_judged(names: Names) -> None:
    """It points elsewhere as soon as it was looked up."""
    async with listening("127.0.0.1") as good, listening("127.0.0.2", good.port) as bad:
        names.says("a.example", ["127.0.0.1"], ["127.0.0.2"])
        rule = AddressRule(NOT_PUBLIC, parse_networks(["127.0.0.1/32"]))
        assert await get(rule, f"http://a.example:{good.port}/", times=3) == "ok"
        assert names.lookups == ["a.example"]
    assert (good.connections, bad.connections) == (1, 0)


class Changing(AddressRule):
    """Lets an address be connected to, and does not know it afterwards."""

    def __init__(self) -> None:
        super().__init__(())
        self.__dict__["answers"] = iter([None])

    def require(self, text: str) -> None:
        for _ in self.__dict__["answers"]:
            return
        raise AddressRefused("its address is another")


async def test_the_peer_is_looked_at_before_anything_is_sent(listener: Listener) -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await get(Changing(), f"http://127.0.0.1:{listener.port}/")
    assert reason(caught.value) == "its address is another"
    assert listener.heads == []


@asynccontextmanager
async def outbound(*listed: Origin, allowed: tuple[str, ...] = ()) -> AsyncIterator[Outbound]:
    one = Outbound(lambda origin: origin in listed, allowed, "no")
    await one.open(lambda rule: aiohttp.ClientSession(connector=GuardedConnector(rule, 10)))
    yield one
    await one.close()


async def ask(out: Outbound, origin: Origin) -> int:
    with out.to(origin) as session:
        async with session.get(f"{origin}/?key=secret") as response:
            return response.status


async def test_who_is_written_down_may_be_inside(
    listener: Listener, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    names.says("a.example", ["127.0.0.1"])
    names.says("b.example", ["169.254.169.254"])
    a, b = (Origin("http", host, listener.port) for host in ("a.example", "b.example"))
    async with outbound(a, b) as out:
        assert await ask(out, a) == 200
        with caplog.at_level(logging.WARNING), pytest.raises(UrlNotAllowed, match=r"\Ano\Z"):
            await ask(out, b)
    assert f"{b} was not connected to: its address is in 169.254.0.0/16" in caplog.text
    assert "secret" not in caplog.text


async def test_who_is_not_is_on_the_internet_or_in_an_allowed_network(
    listener: Listener, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    names.says("made-up.example", ["127.0.0.1"])
    stranger = Origin("http", "made-up.example", listener.port)
    async with outbound() as out:
        with caplog.at_level(logging.WARNING), pytest.raises(UrlNotAllowed, match=r"\Ano\Z"):
            await ask(out, stranger)
    assert listener.connections == 0
    assert "its address is in 127.0.0.0/8" in caplog.text
    assert "made-up" not in caplog.text, "a name that a caller made up"
    async with outbound(allowed=("127.0.0.1/32",)) as out:
        assert await ask(out, stranger) == 200


async def test_a_name_that_there_is_not_cannot_be_told_from_one_inside(names: Names) -> None:
    names.says("inside.example", ["10.0.0.1"])
    answers = []
    async with outbound() as out:
        for host in ("inside.example", "nowhere.example"):
            with pytest.raises(UrlNotAllowed) as caught:
                await ask(out, Origin("http", host, 80))
            answers.append(str(caught.value))
    assert answers == ["no", "no"]
