"""`chorus serve --weights hub`: what is pulled once is pinned, and loaded without the hub."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
from tests.chorus_weights.conftest import standin
from tests.chorus_weights.hub_server import Hub, serving
from tests.stack.conftest import Stack

from chorus_weights.lock import Lock

NAMES = {"spam": "svalabs", "news": "jy46604790"}


def write_models(folder: Path) -> None:
    for name in NAMES:
        home = folder / name
        home.mkdir(parents=True)
        settings = {
            "name": name,
            "implementation": "mlserver_chorus.Classifier",
            "parameters": {"uri": f"hf://org/{name}"},
        }
        (home / "model-settings.json").write_text(json.dumps(settings))


def wait_for(path: Path, stack: Stack) -> None:
    give_up = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < give_up, stack.log.read_text()
        assert stack.process.poll() is None, stack.log.read_text()
        time.sleep(0.02)


def test_it_pulls_pins_and_loads_with_the_hub_switched_off(tmp_path: Path) -> None:
    models, hub = tmp_path / "models", Hub()
    write_models(models)
    commits = {name: hub.put(f"org/{name}", standin(weights)) for name, weights in NAMES.items()}
    with serving(hub):
        environment = hub.environment(tmp_path / "cache", HF_TOKEN="hf_secret")
        options = ("--weights", "hub", "--models-dir", str(models), "--device", "cpu")
        stack = Stack.start(tmp_path / "serve.log", *options, **environment)
        try:
            wait_for(models / "models.lock", stack)
            asked = len(hub.requests)
            hub.repositories.clear()  # nothing is loaded before the lock is written
            stack.wait_until_announced()
            answer = httpx.post(f"{stack.url}/models/spam", json={"inputs": "win a coin now"})
            assert answer.status_code == 200
            described = httpx.get(f"{stack.v2}/models/spam").json()["parameters"]
        finally:
            code = stack.stop()
    log = stack.log.read_text()
    assert code == 0, log
    assert len(hub.requests) == asked
    assert described["checkpoint"] == f"org/spam@{commits['spam']}"
    lock = Lock.read(models / "models.lock")
    assert {name: lock.models[f"org/{name}"].revision for name in NAMES} == commits
    assert f"org/spam was not pinned; it is now, at {commits['spam'][:12]}" in log
    assert "hf_secret" not in log + (models / "models.lock").read_text()


def test_a_hub_that_cannot_be_reached_ends_the_start_in_one_line(tmp_path: Path) -> None:
    write_models(tmp_path / "models")
    variables = {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    options = ("--weights", "hub", "--models-dir", str(tmp_path / "models"))
    stack = Stack.start(tmp_path / "serve.log", *options, **variables)
    assert stack.process.wait(60) == 1
    (line,) = stack.log.read_text().splitlines()
    assert line.startswith("chorus: org/news is not on this machine, and HF_HUB_OFFLINE forbids")


def test_a_signal_while_it_pulls_ends_it_as_one_while_it_serves(tmp_path: Path) -> None:
    models, hub = tmp_path / "models", Hub(hold_after=0)
    write_models(models)
    for name, weights in NAMES.items():
        hub.put(f"org/{name}", standin(weights))
    with serving(hub):
        environment = hub.environment(tmp_path / "cache")
        options = ("--weights", "hub", "--models-dir", str(models))
        stack = Stack.start(tmp_path / "serve.log", *options, **environment)
        give_up = time.monotonic() + 60
        while not hub.seen("cdn"):
            assert time.monotonic() < give_up, stack.log.read_text()
            time.sleep(0.02)
        assert stack.stop() == 0, stack.log.read_text()
    assert not (models / "models.lock").exists()
