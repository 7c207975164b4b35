"""A line for each request, with nothing in it that the caller made up."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from chorus_http.access.callers import CALLER, Caller
from chorus_http.logs.access_log import AccessLog, note
from chorus_http.logs.lines import FIELDS
from chorus_http.logs.setup import ACCESS


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    scope[CALLER] = Caller("key-1", frozenset())
    if scope["path"] == "/bug":
        raise RuntimeError
    if scope["path"] == "/silent":
        return
    note(model="left", items=2)
    await asyncio.to_thread(note, queue_ms=1.5)
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def lines(caplog: pytest.LogCaptureFixture, *asked: tuple[str, str]) -> list[dict[str, Any]]:
    logged = AccessLog(app, lambda _: "/{any}", lambda path: path != "/probe")
    transport = httpx.ASGITransport(logged, raise_app_exceptions=False)
    with caplog.at_level(logging.INFO, ACCESS):
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for method, path in asked:
                await client.request(method, path)
    return [getattr(record, FIELDS) for record in caplog.records if record.name == ACCESS]


async def test_what_is_known_is_said(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = await lines(caplog, ("POST", "/a?secret=1"))
    assert line.pop("ms") > 0
    assert line == {
        "key": "key-1",
        "method": "POST",
        "route": "/{any}",
        "status": 201,
        "model": "left",
        "items": 2,
        "queue_ms": 1.5,
    }


async def test_what_is_not_known_is_a_dash(caplog: pytest.LogCaptureFixture) -> None:
    odd, bug = await lines(caplog, ("MADEUP", "/a"), ("GET", "/bug"))
    assert odd["method"] == "other"
    assert (bug["model"], bug["items"], bug["status"]) == ("-", "-", 500)


async def test_probes_have_none(caplog: pytest.LogCaptureFixture) -> None:
    assert await lines(caplog, ("GET", "/probe")) == []


def test_without_an_access_log_nothing_is_noted() -> None:
    note(model="left")
