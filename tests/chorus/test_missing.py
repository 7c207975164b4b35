"""Stand-ins of random weights appear when a model is served that lacks its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chorus import missing
from chorus.catalog import Model
from chorus.errors import UsageError
from chorus.terminal import Terminal

from .conftest import Serve

TASKS = ("image-classification", "text-classification")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a group of two models, none of which has its stand-in."""
    for task in TASKS:
        home = tmp_path / "models" / "tasks" / task
        home.mkdir(parents=True)
        settings = {"name": task, "parameters": {"extra": {"task": task, "standin": "./standin"}}}
        (home / "model-settings.json").write_text(json.dumps(settings))
    return tmp_path / "models"


def cards(models: Path) -> list[str]:
    return sorted(path.parts[-3] for path in models.glob("tasks/*/standin/README.md"))


def test_they_are_made_once(serve: Serve, models: Path) -> None:
    run = serve("--models-dir", str(models), "--models", "tasks", FAKE_STANDIN="random")
    run.until_served()
    assert run.stop() == 0
    assert "chorus: making stand-ins: 1 of 2, image-classification\n" in run.said
    assert "chorus: making stand-ins: 2 of 2, text-classification\n" in run.said
    assert "random weights" in run.shown
    assert "Random weights: answers have the right form and mean nothing." in run.shown
    assert "/models/text-classification -H" in run.shown
    assert cards(models) == list(TASKS)

    again = serve("--models-dir", str(models), "--models", "tasks")
    again.until_served()
    assert again.stop() == 0
    assert "making" not in again.said


def test_none_is_made_for_other_weights(serve: Serve, models: Path) -> None:
    run = serve("--models-dir", str(models), "--models", "all", "--weights", "hub")
    run.until_served()
    assert run.stop() == 0
    assert "making" not in run.said
    assert cards(models) == []


def test_a_signal_while_making_stops_cleanly(serve: Serve, models: Path) -> None:
    run = serve("--models-dir", str(models), "--models", "tasks")
    run.until_said("making stand-ins")
    assert run.stop(signal.SIGINT) == 0
    assert "Traceback" not in run.said
    assert not list(models.rglob(".making-*"))


async def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    standin = tmp_path / "file" / "text-classification" / "standin"
    model = Model("text-classification", task="text-classification", standin=standin)
    with pytest.raises(UsageError) as refusal:
        await missing.make([model], Terminal())
    assert str(refusal.value) == (
        f"cannot make stand-ins in {standin.parents[1]}: Not a directory; "
        "--weights hub needs none, --models-dir takes a copy of the folder that can be written"
    )
    assert capsys.readouterr().err == ("chorus: making stand-ins: 1 of 1, text-classification\n")


@pytest.mark.parametrize(
    ("model", "made_here"),
    [
        (Model("a", task="fill-mask", standin=Path("fill-mask/standin")), True),
        (Model("fill-mask", task="fill-mask", standin=Path("own/standin")), False),
        (Model("fill-mask", task="fill-mask", standin=Path("fill-mask/small")), False),
        (Model("fill-mask", standin=Path("fill-mask/standin")), False),
        (Model("fill-mask", task="fill-mask"), False),
        (Model("cardiffnlp", standin=Path("cardiffnlp/standin")), False),
    ],
)
def test_only_a_folder_that_is_named_for_a_task_gets_one(model: Model, made_here: bool) -> None:
    assert missing.has_recipe(model) == made_here


def test_the_supervisor_stays_without_torch() -> None:
    script = "import chorus.serve, sys; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert shown.stdout == "[]\n", shown.stderr
