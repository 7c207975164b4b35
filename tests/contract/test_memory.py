"""Hundreds of models come and go in one process, and leave nothing behind."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.conftest import Launch, Runtime
from tests.contract.agent import Agent, checkpoint
from tests.contract.callers import callers_of
from tests.contract.starts import wait_until_ready, without_models

MIB = 1 << 20
CYCLES = 200
BOUND = 64
"""MiB from the second quarter of the cycles to the last: a quarter of what their weights are."""

Measure = Callable[[Runtime], float]


def resident(server: Runtime) -> float:
    return float(psutil.Process(server.process.pid).memory_info().rss) / MIB


def of_the_gpu(_server: Runtime) -> float:
    """Of everybody who uses the first one."""
    asked = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return float(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)


def grown(server: Runtime, agent: Agent, measure: Measure) -> float:
    """MiB from the least of the second quarter of the cycles to that of the last.

    In the first, allocators and caches find their size.
    """
    sizes = []
    with callers_of(server) as callers:
        for cycle in range(CYCLES):
            name = f"model-{cycle}_1"
            control = callers.controls[cycle % 2]
            agent.push(name)
            assert control.load(name) == 200
            callers.assert_served(name)
            assert control.unload(name) == 200
            agent.remove(name)
            sizes.append(measure(server))
        assert callers.controls[0].index() == {}
    print(f"MiB after each tenth cycle: {sizes[::10]}")  # noqa: T201
    quarter = CYCLES // 4
    return min(sizes[-quarter:]) - min(sizes[quarter : 2 * quarter])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("device", "measure"),
    [
        pytest.param("cpu", resident, id="cpu"),
        pytest.param("cuda", of_the_gpu, id="gpu", marks=pytest.mark.gpu),
    ],
)
def test_an_unloaded_model_gives_its_memory_back(
    launch: Launch, tmp_path: Path, device: str, measure: Measure
) -> None:
    if device == "cuda" and not shutil.which("nvidia-smi"):
        pytest.skip("NO NVIDIA GPU: that its memory is given back is NOT tested here")
    agent = Agent(checkpoint(tmp_path / "stored"), tmp_path / "models")
    server = wait_until_ready(without_models(launch, agent.models, CHORUS_DEVICE=device))
    assert grown(server, agent, measure) < BOUND
    assert server.terminate() == 0, server.log
