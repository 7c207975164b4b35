"""The processes of the model server: one per device, the first of them where V2 clients call."""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chorus import ports, upstream_key
from chorus.liveness import Ask
from chorus.options import HUB, Options
from chorus.process import Child
from chorus_weights import lock as locks

DRAIN_S = 25.0  # below the supervisor's patience, so that a server ends by itself
# Who calls those behind the first is the gateway, and that is on this machine.
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Runtime:
    """One process: its device, empty where it is to choose itself, and where it listens."""

    name: str
    device: str
    host: str
    v2_port: int
    grpc_port: int
    metrics_port: int
    threads: int | None = None
    """Most CPU threads of its models, where several processes share the cores."""
    lock: Path | None = None
    """Where the real weights are pinned; None means beside the models."""

    @property
    def v2(self) -> str:
        """host:port of V2 over REST, as a client on this machine calls it."""
        return f"{ports.reachable(self.host)}:{self.v2_port}"

    @property
    def grpc(self) -> str:
        """host:port of V2 over gRPC, as a client on this machine calls it."""
        return f"{ports.reachable(self.host)}:{self.grpc_port}"

    @property
    def metrics(self) -> str:
        """host:port of the metrics, as a client on this machine calls it."""
        return f"{ports.reachable(self.host)}:{self.metrics_port}"

    def child(
        self,
        folder: Path,
        models: Sequence[str],
        weights: str,
        key: str,
        ready: Callable[[], Awaitable[bool]],
        live: Ask,
    ) -> Child:
        """How to start it on these models of a folder; `key` is the gateway's, or empty."""
        flags = {
            "--host": self.host,
            "--http-port": self.v2_port,
            "--grpc-port": self.grpc_port,
            "--metrics-port": self.metrics_port,
            "--models": ",".join(models),
        }
        argv = [sys.executable, "-m", "mlserver_chorus.server", str(folder)]
        argv += [str(part) for flag in flags.items() for part in flag]
        env = {"CHORUS_DRAIN_TIMEOUT": str(DRAIN_S), **os.environ, "CHORUS_WEIGHTS": weights}
        env |= upstream_key.variable(key)
        if weights == HUB:  # all that it reads has been pulled: loading a model asks no network
            env["CHORUS_MODELS_LOCK"] = str(self.lock or folder / locks.NAME)
            env["HF_HUB_OFFLINE"] = "1"
        if self.device:
            env["CHORUS_DEVICE"] = self.device
        if self.threads:
            env.setdefault("OMP_NUM_THREADS", str(self.threads))
        return Child(self.name, argv, env, ready, live)


def one_per_device(options: Options, devices: Sequence[str]) -> list[Runtime]:
    """The first on the ports asked for, each further one on the next three that are free."""
    first, *others = devices
    asked = (options.v2_port, options.grpc_port, options.metrics_port)
    sharing = devices.count("cpu")
    threads = max(1, (os.cpu_count() or 1) // sharing) if sharing > 1 else None
    free = ports.free_above(max(options.port, *asked), LOOPBACK, 3 * len(others))
    runtimes = [Runtime("runtime", first, options.host, *asked, threads, options.lock)]
    for number, device in enumerate(others, 2):
        v2, grpc, metrics, *free = free
        runtimes.append(
            Runtime(f"runtime-{number}", device, LOOPBACK, v2, grpc, metrics, threads, options.lock)
        )
    return runtimes
