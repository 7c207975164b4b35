"""The page that `chorus serve` starts: its port, and what it is told."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from tests.conftest import free_port

from chorus import page
from chorus.errors import UsageError
from chorus.options import Options
from chorus.runtime import Runtime

OPTIONS = Options("127.0.0.1", 1, 2, 3, 4, "standin", [], None, None, None, False, ui=True)
RUNTIME = Runtime("runtime", "", "127.0.0.1", 2, 3, 4)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The usual port, which another program has."""
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(page, "PORT", port)
        yield port


def test_without_a_wish_there_is_none() -> None:
    assert page.wanted(replace(OPTIONS, ui=False), [RUNTIME]) is None


def test_the_usual_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PORT", free_port())
    made = page.wanted(OPTIONS, [RUNTIME])
    assert made
    assert (made.port, made.instead_of) == (page.PORT, None)


def test_where_it_is_taken_the_next_that_is_free(taken: int) -> None:
    """Neither another program's, nor one that a server of ours is about to take."""
    with ExitStack() as opened:
        opened.enter_context(socket.create_server(("127.0.0.1", taken + 1)))
        options = replace(OPTIONS, port=taken + 2)
        runtimes = [RUNTIME, Runtime("runtime-2", "", "127.0.0.1", taken + 3, taken + 4, 9)]
        made = page.wanted(options, runtimes)
    assert made
    assert made.port > taken + 4
    assert made.instead_of == taken


def test_a_port_that_was_asked_for_is_used() -> None:
    made = page.wanted(replace(OPTIONS, ui_port=9), [RUNTIME])
    assert made
    assert (made.port, made.instead_of) == (9, None)


@pytest.mark.parametrize("missing", ["gradio", page.MODULE])
def test_where_it_is_not_installed(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=r"`.venv/bin/pip install --no-deps -r requirements-ui"):
        page.wanted(OPTIONS, [RUNTIME])


async def test_every_interface_is_called_by_the_loopback_address() -> None:
    made = page.wanted(replace(OPTIONS, host="0.0.0.0", ui_port=9), [RUNTIME])
    assert made
    async with httpx.AsyncClient() as client:
        env = made.child(client).env
    assert env["CHORUS_UI_HOST"] == "0.0.0.0"
    assert env["CHORUS_UI_GATEWAY"] == env["CHORUS_UI_PUBLIC_GATEWAY"] == "http://127.0.0.1:1"
    assert made.address == "127.0.0.1:9"


async def test_it_knows_no_secret_and_no_setting_of_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = {
        "CHORUS_LOG_FORMAT": "json",
        "CHORUS_UI_PUBLIC_GATEWAY": "https://chorus.example.com",
        "SSL_CERT_FILE": "ca.pem",
    }
    secret = {
        *("CHORUS_API_KEYS", "CHORUS_ADMIN_KEYS", "CHORUS_API_KEYS_FILE", "CHORUS_UPSTREAM_KEY"),
        *("CHORUS_SERVERS", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD"),
    }
    for name, value in (kept | dict.fromkeys(secret, "hidden")).items():
        monkeypatch.setenv(name, value)
    async with httpx.AsyncClient() as client:
        env = page.Page("127.0.0.1", 9, "127.0.0.1:1").child(client).env
    assert kept.items() <= env.items()
    assert "hidden" not in env.values()
    assert env["PATH"]


async def test_the_summary_does_not_wait_for_it() -> None:
    """It takes connections before it answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = page.Page("127.0.0.1", silent.getsockname()[1], "h:1")
        async with httpx.AsyncClient(timeout=100, trust_env=False) as client:
            said = await asyncio.wait_for(made.described(client), 50)
    assert said.endswith(" (in a moment)")


@pytest.mark.parametrize(
    ("status", "instead_of", "said"),
    [
        (200, None, ""),
        (503, None, " (in a moment)"),
        (200, 7860, " (7860 is taken)"),
        (503, 7860, " (7860 is taken, in a moment)"),
    ],
)
async def test_what_the_summary_says_of_it(status: int, instead_of: int | None, said: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status))
    async with httpx.AsyncClient(transport=transport) as client:
        made = page.Page("127.0.0.1", 9, "h:1", instead_of)
        assert await made.described(client) == f"http://127.0.0.1:9{said}"
