"""Hugging Face's JavaScript client, unmodified, against a live gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.clients.expectations import Told, value
from tests.clients.javascript_calls import CALLS
from tests.stack.conftest import ROOT, Stack

SOURCES = Path(__file__).with_name("javascript")


@pytest.fixture(scope="module")
def node_folder() -> Path:
    """The client and the program that drives it, installed as pinned; else a loud skip."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(
            "node and npm are not on the PATH: Hugging Face's JavaScript client is untested"
        )
    folder = ROOT / ".peers" / "javascript"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = (folder / "node_modules").is_dir() and _same(folder / "package-lock.json")
    for source in SOURCES.iterdir():
        shutil.copy(source, folder)
    if not fresh:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
        if run.returncode != 0:
            (folder / "package-lock.json").unlink()  # or the next run would take it for installed
            pytest.skip(f"npm ci failed, JavaScript client untested: {run.stderr[-300:]}")
    return folder


def _same(lock: Path) -> bool:
    return lock.is_file() and lock.read_bytes() == (SOURCES / lock.name).read_bytes()


@pytest.fixture(scope="module")
def told(node_folder: Path, tasks: Stack) -> Told:
    calls = [
        {
            "name": name,
            "url": f"{tasks.url}/models/{name.partition(',')[0]}",
            "method": call.method,
            "arguments": call.arguments,
        }
        for name, call in CALLS.items()
    ]
    run = subprocess.run(
        ["node", "client.mjs"],
        cwd=node_folder,
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=110,  # the client asks again for ever when it is told 503
    )
    assert run.returncode == 0, run.stderr
    answers: Told = json.loads(run.stdout)
    return answers


@pytest.mark.parametrize("call", CALLS)
def test_client_reads_the_answer(told: Told, call: str) -> None:
    CALLS[call].check(value(told, call))


def test_stream_and_answer_say_the_same(told: Told) -> None:
    parts = value(told, "text-generation, stream")
    whole = value(told, "text-generation")["generated_text"]
    assert "".join(part["choices"][0]["text"] for part in parts) == whole
