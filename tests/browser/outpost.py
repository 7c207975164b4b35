"""A gateway and a page of their own, in front of model servers that run already."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from tests.browser.webpage import START_SECONDS, WebPage
from tests.conftest import free_port

PUBLIC: Final = "https://chorus.example.com/api"


@dataclass
class Outpost:
    """A page whose gateway can be stopped, and started again on the same port."""

    folder: Path
    upstream: str
    webpage: WebPage
    port: int
    gateway: subprocess.Popen[bytes] | None = field(default=None)

    @classmethod
    def start(cls, folder: Path, upstream: str) -> Outpost:
        port = free_port()
        webpage = WebPage.start(
            folder / "page.log", f"http://127.0.0.1:{port}", CHORUS_UI_PUBLIC_GATEWAY=PUBLIC
        )
        outpost = cls(folder, upstream, webpage, port)
        outpost.start_gateway()
        return outpost

    def start_gateway(self, **settings: str) -> None:
        """Start it, and wait until it serves."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CHORUS_")}
        told = {
            "CHORUS_PORT": str(self.port),
            "CHORUS_UPSTREAM": self.upstream,
            "CHORUS_WORKERS": "1",
            "CHORUS_DRAIN_DELAY": "0",
        }
        with (self.folder / "gateway.log").open("ab") as out:
            self.gateway = subprocess.Popen(
                [sys.executable, "-m", "chorus_gateway"],
                env=kept | told | settings,
                stdout=out,
                stderr=out,
            )
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5)
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "gateway.log").read_text())

    def stop_gateway(self) -> None:
        """Kill it, as a machine that fails would."""
        if self.gateway:
            self.gateway.kill()
            self.gateway.wait()
            self.gateway = None

    def end(self) -> int:
        """Stop both; the page's exit code."""
        self.stop_gateway()
        return self.webpage.stop()
