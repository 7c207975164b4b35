from __future__ import annotations

import socket
import threading

import pytest

from chorus_gateway.outbound.lookup import LOOKUPS, JudgedResolver
from chorus_gateway.outbound.networks import METADATA, NOT_PUBLIC, AddressRefused, AddressRule

from .names import Names

STRICT = AddressRule(NOT_PUBLIC)
LISTED = AddressRule(METADATA, hides_names=False)


async def find(rule: AddressRule, host: str = "a.example", seconds: float = 10) -> list[str]:
    resolver = JudgedResolver(rule, seconds)
    try:
        return [found["host"] for found in await resolver.resolve(host, 80)]
    finally:
        await resolver.close()


async def test_all_addresses_that_keep_to_the_rule(names: Names) -> None:
    names.says("a.example", ["8.8.8.8", "2606:4700::1111", "8.8.8.8"])
    assert await find(STRICT) == ["8.8.8.8", "2606:4700::1111"]
    assert names.lookups == ["a.example"]


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
        ["2606:4700::1111", "::1"],
        ["::ffff:8.8.8.8"],
        ["64:ff9b::a9fe:a9fe"],
        ["8.8.8.8", "2002:7f00:1::"],
    ],
)
async def test_one_address_inside_and_none_is_given(names: Names, answer: list[str]) -> None:
    names.says("a.example", answer)
    with pytest.raises(AddressRefused, match="its address is in"):
        await find(STRICT)
    assert names.lookups == ["a.example"]


async def test_a_name_that_there_is_not_is_refused_as_one_inside_is(names: Names) -> None:
    with pytest.raises(AddressRefused):
        await find(STRICT)
    with pytest.raises(socket.gaierror):  # of a server that the operator wrote down all may know
        await find(LISTED)


async def test_an_empty_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    for rule in (STRICT, LISTED):
        with pytest.raises(AddressRefused, match="no address"):
            await find(rule)


async def test_a_resolver_that_is_down_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", down)
    for rule in (STRICT, LISTED):
        with pytest.raises(socket.gaierror):
            await find(rule)


async def test_a_lookup_takes_so_long_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    try:
        with pytest.raises(TimeoutError):
            await find(STRICT, seconds=0.05)
    finally:
        over.set()


async def test_silent_names_do_not_hold_up_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    over, real = threading.Event(), socket.getaddrinfo

    def silent(host: str, *args: object, **options: object) -> object:
        if host == "silent.example":
            over.wait(60)
        return real("127.0.0.1", *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    callers, ours = JudgedResolver(STRICT, 0.05), JudgedResolver(LISTED, 30)
    try:
        for _ in range(LOOKUPS):
            with pytest.raises(TimeoutError):
                await callers.resolve("silent.example")
        assert len(await ours.resolve("a.example")) == 1
    finally:
        over.set()
        await callers.close()
        await ours.close()
