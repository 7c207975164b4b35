"""A gateway in a process of its own, in front of a model server."""

from __future__ import annotations

import time

import httpx
import pytest
from tests.conftest import START_SECONDS, Launch, Ports, Runtime


def gateway_before(launch: Launch, upstream: Runtime, *models: str, **environment: str) -> Runtime:
    """Start one and wait until the models behind it are ready; `log` and `url` as of a server."""
    ports = Ports()
    gateway = launch(
        ports=ports,
        command=["chorus_gateway"],
        environment={
            "CHORUS_PORT": str(ports.http),
            "CHORUS_UPSTREAM": upstream.url,
            "CHORUS_MODELS": ",".join(models),
            "CHORUS_WORKERS": "1",
        }
        | environment,
    )
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and gateway.process.poll() is None:
        try:
            if httpx.get(f"{gateway.url}/readyz").is_success:
                return gateway
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"the gateway did not become ready:\n{gateway.log[-1000:]}", pytrace=False)
