"""What the GPU did while something ran: clock, power, temperature."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

FIELDS = {"clocks.sm": "sm_mhz", "power.draw": "watts", "temperature.gpu": "celsius"}
INTERVAL_MS = 200


@contextmanager
def watched(device: str) -> Iterator[dict[str, float]]:
    """Yields a dictionary that holds the medians afterwards; it stays empty without nvidia-smi."""
    seen: dict[str, float] = {}
    if not device.startswith("cuda"):
        yield seen
        return
    command = ["nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        watcher = subprocess.Popen(
            [*command, f"--loop-ms={INTERVAL_MS}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        yield seen
        return
    try:
        yield seen
    finally:
        watcher.terminate()
        lines, _ = watcher.communicate()
        seen.update(medians(lines))


def medians(lines: str) -> dict[str, float]:
    """The median of each field over nvidia-smi's lines; a field that it cannot tell is left out."""
    rows = [line.split(", ") for line in lines.splitlines()]
    # The last line may be cut short.
    whole = [row for row in rows if len(row) == len(FIELDS)]
    columns = {name: [row[i] for row in whole] for i, name in enumerate(FIELDS.values())}
    return {n: median(map(float, c)) for n, c in columns.items() if c and all(map(_number, c))}


def _number(value: str) -> bool:
    return value.replace(".", "", 1).isdigit()
