"""`chorus serve`: the model server's processes and the gateway, run as one."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import httpx

from chorus import catalog, liveness, missing, ports, runtime, summary, upstream_key
from chorus import page as pages
from chorus.catalog import Model
from chorus.liveness import Ask
from chorus.options import HUB, Options, check_workers, checked_devices, checked_weights
from chorus.page import Page
from chorus.ports import Port
from chorus.process import Child, Exit
from chorus.readiness import Readiness
from chorus.runtime import DRAIN_S, Runtime
from chorus.supervisor import ChildDiedError, Supervisor
from chorus.terminal import Terminal, console
from chorus_weights import lock as locks

OURS = "chorus:"  # how both servers begin the line that says why they cannot go on
ANSWER_S = 5.0  # a model server that is busy loading answers late
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(options: Options) -> int:
    """Serve until a signal (0) or until a server cannot be kept running (1)."""
    terminal = Terminal(verbose=options.verbose)
    devices = checked_devices(options.device)
    check_workers(options.workers)
    weights = checked_weights(options.weights)
    folder = (options.models_dir or catalog.default_folder()).resolve()
    models, added = catalog.select(catalog.read(folder), options.models)
    ports.check(options.host, _ports(options))
    runtimes = runtime.one_per_device(options, devices)
    page = pages.wanted(options, runtimes)
    if added:
        terminal.say(f"serving {', '.join(added)} too: an ensemble needs its members")
    if weights == HUB and not _pulled(models, options.lock or folder / locks.NAME):
        return 0
    return asyncio.run(_serve(options, runtimes, page, weights, folder, models, terminal))


def _pulled(models: Sequence[Model], lock: Path) -> bool:
    """Have the real weights and their pins; False when a signal came first. Raises WeightsError."""
    from chorus.weights import fetch  # the hub's library: only who pulls waits for its import

    try:
        fetch(models, lock, console(stderr=True), verified=False)
    except KeyboardInterrupt:
        return False
    return True


async def _serve(
    options: Options,
    runtimes: Sequence[Runtime],
    page: Page | None,
    weights: str,
    folder: Path,
    models: Sequence[Model],
    terminal: Terminal,
) -> int:
    if weights == summary.STANDIN and not await _made(models, terminal):
        return 0
    return await _supervise(options, runtimes, page, weights, folder, models, terminal)


async def _made(models: Sequence[Model], terminal: Terminal) -> bool:
    """Make the stand-ins that are missing; False when a signal came first."""
    making = asyncio.ensure_future(missing.make(models, terminal))
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, making.cancel)
    try:
        await making
    except asyncio.CancelledError:
        return False
    finally:
        terminal.started()
    return True


async def _supervise(
    options: Options,
    runtimes: Sequence[Runtime],
    page: Page | None,
    weights: str,
    folder: Path,
    models: Sequence[Model],
    terminal: Terminal,
) -> int:
    gateway = f"{ports.reachable(options.host)}:{options.port}"
    names = [model.name for model in models]
    key = upstream_key.of_this_start(os.environ)
    lost: list[ChildDiedError] = []
    # The servers are on this machine: no proxy from the environment is on the way.
    async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as client:
        readiness = Readiness(client, gateway, runtimes, names, terminal.progress, key)

        async def announce() -> None:
            found = await asyncio.gather(*(readiness.weights(name) for name in names))
            terminal.started()
            weights_of = dict(zip(names, found, strict=True))
            url = await page.described(client) if page and not lost else None
            summary.show(terminal.out, models, weights_of, gateway, runtimes, bool(key), url)

        def give_up(death: ChildDiedError) -> None:
            lost.append(death)
            reason = _stated_reason(death.end) or death.end.last_line
            terminal.say(
                f"{death}: {reason}; all else goes on without it, and --verbose shows what it says"
            )

        supervisor = Supervisor(
            [
                *(
                    one.child(
                        folder,
                        names,
                        weights,
                        key,
                        ready=partial(readiness.runtime, one),
                        live=partial(liveness.ask, client, f"http://{one.v2}/v2/health/live"),
                    )
                    for one in runtimes
                ),
                _gateway(
                    options,
                    runtimes,
                    names,
                    key,
                    ready=readiness.gateway,
                    live=partial(liveness.ask, client, f"http://{gateway}/healthz"),
                ),
                *([page.child(client)] if page else []),
            ],
            on_line=terminal.child_line,
            on_ready=announce,
            on_lost=give_up,
            say=terminal.say,
        )
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, supervisor.stop)
        terminal.start(len(names))
        try:
            return await supervisor.run()
        except ChildDiedError as death:
            terminal.started()
            _explain(death, terminal, verbose=options.verbose)
            return 1
        finally:
            terminal.started()


def _gateway(
    options: Options,
    runtimes: Sequence[Runtime],
    names: Sequence[str],
    key: str,
    ready: Callable[[], Awaitable[bool]],
    live: Ask,
) -> Child:
    env = {
        # No load balancer has to learn that we leave, but clients with a connection open do.
        "CHORUS_DRAIN_DELAY": "0.5",
        "CHORUS_DRAIN_TIMEOUT": str(DRAIN_S),
        **os.environ,
        "CHORUS_HOST": options.host,
        "CHORUS_PORT": str(options.port),
        "CHORUS_V2_PORT": str(options.v2_port),
        "CHORUS_UPSTREAM": ",".join(f"http://{one.v2}" for one in runtimes),
        "CHORUS_MODELS": ",".join(names),
        **upstream_key.variable(key),
    }
    if options.workers:
        env["CHORUS_WORKERS"] = options.workers
    return Child("gateway", [sys.executable, "-m", "chorus_gateway"], env, ready, live)


def _ports(options: Options) -> list[Port]:
    asked = [
        Port(options.port, "--port", "CHORUS_PORT"),
        Port(options.v2_port, "--v2-port", "CHORUS_V2_PORT"),
        Port(options.grpc_port, "--grpc-port", "CHORUS_GRPC_PORT"),
        Port(options.metrics_port, "--metrics-port", "CHORUS_METRICS_PORT"),
    ]
    if options.ui and options.ui_port:
        asked.append(Port(options.ui_port, "--ui-port", "CHORUS_UI_PORT"))
    return asked


def _explain(death: ChildDiedError, terminal: Terminal, *, verbose: bool) -> None:
    reason = _stated_reason(death.end)
    if not reason and not verbose:
        terminal.say(f"the last lines of {death.name}:")
        terminal.tail(death.name, death.end.tail)
    reason = reason or death.end.last_line
    terminal.say(f"{death}: {reason}" if reason else str(death))


def _stated_reason(end: Exit) -> str:
    stated = [line for line in end.tail if line.startswith(OURS)]
    return stated[-1].removeprefix(OURS).strip() if stated else ""
