"""The web page beside the servers: where it listens, and how it is started."""

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import Final

import httpx

from chorus import liveness, ports
from chorus.errors import UsageError
from chorus.options import Options
from chorus.process import Child
from chorus.runtime import Runtime

MODULE: Final = "chorus_ui"
PORT: Final = 7860
# Its start computes for seconds, of which the models' loading shall notice nothing.
NICENESS: Final = 10
AT_ONCE_S: Final = 0.3  # nobody waits for the page
NOT_INSTALLED: Final = (
    "the web page is not installed; add it by "
    "`.venv/bin/pip install --no-deps -r requirements-ui.txt`, or go without it by --no-ui"
)
# It asks with the keys of those who use it. Of our settings it reads its own, and how to log.
OTHERS: Final = re.compile(r"CHORUS_(?!UI_|LOG_)")
SECRET: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.I)


@dataclass(frozen=True)
class Page:
    """The page of one gateway, which is called at `gateway`, host:port."""

    host: str
    port: int
    gateway: str
    instead_of: int | None = None
    """The usual port, where it is taken."""

    @property
    def address(self) -> str:
        """host:port, as a browser on this machine calls it."""
        return f"{ports.reachable(self.host)}:{self.port}"

    @property
    def _health(self) -> str:
        return f"http://{self.address}/healthz"

    def child(self, client: httpx.AsyncClient) -> Child:
        """How to start it; the servers do without it."""
        gateway = f"http://{self.gateway}"
        inherited = {name: value for name, value in os.environ.items() if _may_know(name)}
        env = {
            "CHORUS_UI_PUBLIC_GATEWAY": gateway,
            **inherited,
            "CHORUS_UI_HOST": self.host,
            "CHORUS_UI_PORT": str(self.port),
            "CHORUS_UI_GATEWAY": gateway,
        }
        return Child(
            "page",
            [sys.executable, "-m", MODULE],
            env,
            ready=partial(self.is_ready, client),
            live=partial(liveness.ask, client, self._health),
            optional=True,
            niceness=NICENESS,
        )

    async def is_ready(self, client: httpx.AsyncClient) -> bool:
        """Whether it serves; while it starts it may answer late."""
        try:
            return (await client.get(self._health)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def described(self, client: httpx.AsyncClient) -> str:
        """Its URL, and what there is to know of it now."""
        is_ready = False
        with suppress(TimeoutError):
            is_ready = await asyncio.wait_for(self.is_ready(client), AT_ONCE_S)
        notes = [
            f"{self.instead_of} is taken" if self.instead_of else "",
            "" if is_ready else "in a moment",
        ]
        noted = ", ".join(filter(None, notes))
        return f"http://{self.address}" + (f" ({noted})" if noted else "")


def wanted(options: Options, runtimes: Sequence[Runtime]) -> Page | None:
    """The page, if one is asked for: on the port asked for, else the usual one or the next free.

    Raises UsageError.
    """
    if not options.ui:
        return None
    if not all(map(find_spec, (MODULE, "gradio"))):
        raise UsageError(NOT_INSTALLED)
    soon = [(one.v2_port, one.grpc_port, one.metrics_port) for one in runtimes]
    used = {options.port, *chain.from_iterable(soon)}
    gateway = f"{ports.reachable(options.host)}:{options.port}"
    if options.ui_port:
        return Page(options.host, options.ui_port, gateway)
    (port,) = ports.free_above(PORT - 1, options.host, 1, used)
    return Page(options.host, port, gateway, instead_of=None if port == PORT else PORT)


def _may_know(name: str) -> bool:
    return not OTHERS.match(name) and not SECRET.search(name)
