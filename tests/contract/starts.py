"""How platforms start a server."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
from tests.conftest import START_SECONDS, Launch, Ports, Runtime

OURS = ["mlserver_chorus.server"]


def without_models(launch: Launch, models: Path, *command: str, **changed: str) -> Runtime:
    """As Seldon Core 2 does: on all interfaces, in the folder that an agent fills later."""
    ports = Ports()
    environment = {
        **ports.environment(),
        "MLSERVER_HOST": "0.0.0.0",
        "MLSERVER_MODELS_DIR": str(models),
        "MLSERVER_LOAD_MODELS_AT_STARTUP": "false",
        "MLSERVER_MODEL_PARALLEL_WORKERS": "1",
        "MLSERVER_DEBUG": "true",
        "CHORUS_REPOSITORY_API": "open",
        **changed,
    }
    return launch(ports=ports, command=command or OURS, environment=environment)


def wait_until_ready(server: Runtime) -> Runtime:
    """Return once it says that it is ready, whatever it serves."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/v2/health/ready").is_success:
                return server
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server did not become ready:\n{server.log[-1000:]}")
