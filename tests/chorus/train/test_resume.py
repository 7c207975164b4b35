"""A run that was killed goes on where it was, to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from tests.chorus.train.conftest import Place, tree

from chorus.training.progress import TrainingProgress
from chorus.training.workspace import Workspace

OPTIONS = ("--text", "map", "--epochs", "20", "--patience", "20", "--max-length", "32")


def start(place: Place, table: Path, *options: str) -> subprocess.Popen[str]:
    """The command in a process of its own; Ctrl-C reaches it, whoever runs the tests."""
    argv = ["train", str(table), "--text", "title", "--label", "topic", *OPTIONS, *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "chorus", *argv, "--into", str(place.models), "--device", "cpu"],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=clean,
        text=True,
    )


def stderr(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stderr
    return process.stderr


def end_after(process: subprocess.Popen[str], epoch: int, number: int) -> str:
    """Send a signal once an epoch is done; what it says afterwards."""
    for line in stderr(process):
        if f"epoch {epoch}/" in line:
            break
    process.send_signal(number)
    said = stderr(process).read()
    process.wait(60)
    return said


@pytest.mark.slow
def test_killed_and_interrupted_it_comes_to_the_bytes_of_a_run_in_one_go(
    place: Place, table: Path
) -> None:
    killed = start(place, table)
    end_after(killed, 3, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert not (place.models / "things").exists()
    interrupted = start(place, table)
    said = end_after(interrupted, 8, signal.SIGINT)
    assert interrupted.returncode == 130
    assert said.splitlines()[-1].startswith("chorus: interrupted; the same command goes on")

    resumed = start(place, table)
    said = stderr(resumed).read()
    assert resumed.wait(60) == 0, said
    assert "chorus: going on after epoch" in said
    assert "epoch 7/20" not in said
    assert not (place.models / ".training").exists()

    whole = Place(place.root / "whole")
    done = whole.train(table, *OPTIONS)
    assert done.code == 0, done.err
    assert tree(place.models) == tree(whole.models)


def unfinished(place: Place, table: Path, patch: pytest.MonkeyPatch, epochs: int = 1) -> None:
    """A run that its user ends after so many epochs."""

    def interrupt(shown: object, epoch: int, result: object) -> None:
        if epoch == epochs:
            raise KeyboardInterrupt

    with patch.context() as context:
        context.setattr(TrainingProgress, "ended", interrupt)
        assert place.train(table, *OPTIONS).code == 130


def test_interrupted_it_comes_to_the_bytes_of_a_run_in_one_go(
    place: Place, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Place(place.root / "whole")
    unfinished(place, table, monkeypatch, epochs=4)
    assert not (place.models / "things").exists()
    for one in (place, whole):
        done = one.train(table, *OPTIONS)
        assert done.code == 0, done.err
        assert ("going on after epoch 4" in done.err) == (one is place)
    assert tree(place.models) == tree(whole.models)


def test_an_unfinished_run_of_other_options_is_not_thrown_away(
    place: Place, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished(place, table, monkeypatch)
    state = place.models / ".training" / "things" / "state.pt"
    kept = state.read_bytes()

    line = place.refusal(table, *OPTIONS, "--seed", "2")
    assert line.startswith("an unfinished run of things had other rows or options")
    assert state.read_bytes() == kept
    done = place.train(table, "--epochs", "1", "--fresh")
    assert done.code == 0, done.err
    assert not state.exists()


def test_a_damaged_state_is_told(
    place: Place, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished(place, table, monkeypatch)
    (place.models / ".training" / "things" / "state.pt").write_bytes(b"PK\3\4 not a state")

    assert "start anew with --fresh" in place.refusal(table, *OPTIONS)


def test_one_name_is_trained_once_at_a_time(place: Place, table: Path) -> None:
    with Workspace(place.models, "things"):
        assert "is being trained by another chorus train" in place.refusal(table)
    assert place.train(table, "--epochs", "1").code == 0
