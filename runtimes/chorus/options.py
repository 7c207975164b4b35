"""What `chorus serve` is asked for, checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chorus.errors import UsageError

HUB = "hub"
NAMED_WEIGHTS = ("standin", HUB)
DEVICE = re.compile(r"cpu|cuda(:\d+)?")
MOST_DEVICES = 64  # more than any machine has GPUs: a slip of the keyboard
WORKERS = re.compile(r"auto|[1-9]\d*")


@dataclass(frozen=True)
class Options:
    """What to serve and where; `models` and `models_dir` left empty mean all and the default."""

    host: str
    port: int
    v2_port: int
    grpc_port: int
    metrics_port: int
    weights: str
    models: Sequence[str]
    models_dir: Path | None
    device: str | None
    workers: str | None
    verbose: bool
    lock: Path | None = None
    """Where the real weights are pinned; None means beside the models."""
    ui: bool = False
    """Whether to serve the web page too."""
    ui_port: int | None = None
    """None means the usual one, or the next that is free."""


def checked_devices(device: str | None) -> list[str]:
    """One device per process of the model server; a single empty one where none was given.

    Whether a device is there, the model server finds out.
    """
    if not device:
        return [""]
    devices = [part.strip() for part in device.split(",")]
    if not all(map(DEVICE.fullmatch, devices)):
        raise UsageError(
            f"device {device!r} is not cpu, cuda or cuda:N, or several with commas between; "
            "choose with --device or CHORUS_DEVICE"
        )
    if len(devices) > MOST_DEVICES:
        raise UsageError(
            f"{len(devices)} devices are more than {MOST_DEVICES}; "
            "choose fewer with --device or CHORUS_DEVICE"
        )
    return devices


def check_workers(workers: str | None) -> None:
    """Refuse what is no number of processes; what auto means, the gateway knows."""
    if workers and not WORKERS.fullmatch(workers):
        raise UsageError(
            f"workers {workers!r} are not auto or a number from 1; "
            "choose with --workers or CHORUS_WORKERS"
        )


def checked_weights(weights: str) -> str:
    """The weights as the model server takes them, a folder by its full path."""
    if weights in NAMED_WEIGHTS:
        return weights
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"weights {weights!r} are not standin, hub or a folder; "
            "choose with --weights or CHORUS_WEIGHTS"
        )
    return str(folder.resolve())
