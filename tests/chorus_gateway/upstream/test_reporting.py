"""What callers can cause at will is no warning, and what they call a server is not in the log."""

from __future__ import annotations

import logging

import pytest

from chorus_gateway.errors import (
    InputRefused,
    UpstreamError,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimeout,
)
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.reporting import report


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (UpstreamRefused(404, "no model canary"), "DEBUG"),
        (InputRefused(400, "no input canary"), "DEBUG"),
        (UpstreamFailed("status 500"), "WARNING"),
        (UpstreamTimeout("TimeoutError", message="canary"), "WARNING"),
    ],
)
def test_refusals_are_the_callers_affair(
    caplog: pytest.LogCaptureFixture, error: UpstreamError, level: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        report("process", error)
    (record,) = caplog.records
    assert record.levelname == level
    assert record.getMessage().startswith(f"process: upstream {error.kind} (")
    assert "canary" not in record.getMessage()


@pytest.mark.parametrize("listed", [True, False])
def test_only_listed_servers_have_names(caplog: pytest.LogCaptureFixture, listed: bool) -> None:
    servers = ForeignServers(1, 60.0, 10.0, lambda _: None, lambda _: listed)
    with caplog.at_level(logging.INFO):
        servers.choose(Origin("http", "canary.example", 80)).breaker.failed()
    assert ("canary" in caplog.text) is listed
    assert "does not answer" in caplog.text
