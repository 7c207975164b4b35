"""A model server that takes keys."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.conftest import START_SECONDS, Launch, Runtime
from tests.reliability import key_files
from tests.reliability.key_files import ADMIN, METRICS, Key

RATED: Final = Key("rated", "rate=3/hour")
NARROW: Final = Key("narrow", "concurrency=1")
WRONG: Final = Key("nobody")
# Those that no file knows.
PLAIN, UPSTREAM = Key("a-caller-in-the-environment"), Key("the-gateway-before-it")


def keys(folder: Path) -> dict[str, str]:
    """The variables of a server that knows all of these, from everywhere they may come from."""
    file = folder / "keys.txt"
    key_files.write(file, METRICS, ADMIN, RATED, NARROW)
    return {
        "CHORUS_API_KEYS": PLAIN.secret,
        "CHORUS_UPSTREAM_KEY": UPSTREAM.secret,
        "CHORUS_API_KEYS_FILE": str(file),
    }


def start(launch: Launch, root: Path, variables: Mapping[str, str], *arguments: str) -> Runtime:
    """Start one; it is ready when it says so, which it tells everybody."""
    server = launch(root, *arguments, environment=dict(variables))
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/v2/health/ready").is_success:
                return server
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"the server did not become ready:\n{server.log[-1000:]}", pytrace=False)
