"""`chorus serve`: the model server and the gateway, run as one."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from chorus import catalog, ports, summary
from chorus.catalog import Model
from chorus.options import Options, check_device, check_workers, checked_weights
from chorus.ports import Addresses, Port
from chorus.process import Child, Exit
from chorus.readiness import Readiness
from chorus.supervisor import ChildDiedError, Supervisor
from chorus.terminal import Terminal

OURS = "chorus:"  # how both servers begin the line that says why they cannot go on
DRAIN_S = 25.0  # below the supervisor's patience, so that the gateway ends by itself
ANSWER_S = 5.0  # a model server that is busy loading answers late


def serve(options: Options) -> int:
    """Serve until a signal (0) or until a server cannot be kept running (1)."""
    terminal = Terminal(verbose=options.verbose)
    check_device(options.device)
    check_workers(options.workers)
    weights = checked_weights(options.weights)
    folder = (options.models_dir or catalog.default_folder()).resolve()
    models, added = catalog.select(catalog.read(folder), options.models)
    ports.check(options.host, _ports(options))
    if added:
        terminal.say(f"serving {', '.join(added)} too: an ensemble needs its members")
    return asyncio.run(_supervise(options, weights, folder, models, terminal))


async def _supervise(
    options: Options, weights: str, folder: Path, models: Sequence[Model], terminal: Terminal
) -> int:
    at = _addresses(options)
    names = [model.name for model in models]
    # The servers are on this machine: no proxy from the environment is on the way.
    async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as client:
        readiness = Readiness(client, at, names, terminal.progress)

        async def announce() -> None:
            found = await asyncio.gather(*(readiness.weights(name) for name in names))
            terminal.started()
            summary.show(terminal.out, models, dict(zip(names, found, strict=True)), at)

        supervisor = Supervisor(
            [
                _runtime(options, weights, folder, names, readiness),
                _gateway(options, at, names, readiness),
            ],
            on_line=terminal.child_line,
            on_ready=announce,
            say=terminal.say,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
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


def _runtime(
    options: Options, weights: str, folder: Path, names: Sequence[str], readiness: Readiness
) -> Child:
    flags = {
        "--host": options.host,
        "--http-port": options.v2_port,
        "--grpc-port": options.grpc_port,
        "--metrics-port": options.metrics_port,
        "--models": ",".join(names),
    }
    argv = [sys.executable, "-m", "mlserver_chorus.server", str(folder)]
    argv += [str(part) for flag in flags.items() for part in flag]
    env = {**os.environ, "CHORUS_WEIGHTS": weights}
    if options.device:
        env["CHORUS_DEVICE"] = options.device
    return Child("runtime", argv, env, readiness.runtime)


def _gateway(options: Options, at: Addresses, names: Sequence[str], readiness: Readiness) -> Child:
    env = {
        # No load balancer has to learn that we leave, but clients with a connection open do.
        "CHORUS_DRAIN_DELAY": "0.5",
        "CHORUS_DRAIN_TIMEOUT": str(DRAIN_S),
        **os.environ,
        "CHORUS_HOST": options.host,
        "CHORUS_PORT": str(options.port),
        "CHORUS_V2_PORT": str(options.v2_port),
        "CHORUS_UPSTREAM": f"http://{at.v2}",
        "CHORUS_MODELS": ",".join(names),
    }
    if options.workers:
        env["CHORUS_WORKERS"] = options.workers
    return Child("gateway", [sys.executable, "-m", "chorus_gateway"], env, readiness.gateway)


def _ports(options: Options) -> list[Port]:
    return [
        Port(options.port, "--port", "CHORUS_PORT"),
        Port(options.v2_port, "--v2-port", "CHORUS_V2_PORT"),
        Port(options.grpc_port, "--grpc-port", "CHORUS_GRPC_PORT"),
        Port(options.metrics_port, "--metrics-port", "CHORUS_METRICS_PORT"),
    ]


def _addresses(options: Options) -> Addresses:
    host = ports.reachable(options.host)
    return Addresses(
        gateway=f"{host}:{options.port}",
        v2=f"{host}:{options.v2_port}",
        grpc=f"{host}:{options.grpc_port}",
        metrics=f"{host}:{options.metrics_port}",
    )


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
