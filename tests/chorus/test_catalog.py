"""Which models a folder holds, and which of them a list of names and groups means."""

import json
from pathlib import Path

import pytest

from chorus import catalog
from chorus.catalog import Model
from chorus.errors import UsageError

MODELS_DIR = Path(__file__).parents[2] / "models"
MEMBERS = ["cardiffnlp", "EIStakovskii", "ivanlau", "jy46604790", "svalabs"]


def write(folder: Path, **settings: object) -> None:
    folder.mkdir(parents=True)
    (folder / "model-settings.json").write_text(json.dumps(settings))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models, an ensemble, and a group of two."""
    write(tmp_path / "b", name="b")
    write(tmp_path / "a", name="a")
    write(tmp_path / "both", name="both", parameters={"extra": {"members": {"a": {}, "x": {}}}})
    for name in ("x", "y"):
        write(tmp_path / "group" / name, name=name, parameters={"extra": {"task": "fill-mask"}})
    return tmp_path


def selected(folder: Path, *names: str) -> list[str]:
    return [model.name for model in catalog.select(catalog.read(folder), names)[0]]


def test_default_folder_is_the_one_here_if_it_holds_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert catalog.default_folder() == MODELS_DIR
    write(tmp_path / "models" / "a")
    assert catalog.default_folder() == Path("models")
    assert catalog.read(Path("models")) == [Model("a")]


def test_a_folder_with_nothing_but_groups_is_a_folder_of_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "models" / "group" / "a")
    monkeypatch.chdir(tmp_path)
    assert catalog.default_folder() == Path("models")
    assert catalog.read(Path("models")) == [Model("a", group="group")]
    assert selected(Path("models")) == ["a"]


def test_a_model_knows_its_task_and_where_its_standin_is(tmp_path: Path) -> None:
    extra = {"task": "fill-mask", "standin": "./standin"}
    write(tmp_path / "group" / "m", name="m", parameters={"extra": extra})
    assert catalog.read(tmp_path) == [
        Model("m", task="fill-mask", group="group", standin=tmp_path / "group" / "m" / "standin")
    ]


@pytest.mark.parametrize(
    ("names", "served"),
    [
        ([], ["a", "b", "both", "x"]),
        (["b"], ["b"]),
        (["group"], ["x", "y"]),
        (["group", "b"], ["b", "x", "y"]),
        (["y", "group"], ["x", "y"]),
        (["all"], ["a", "b", "both", "x", "y"]),
        (["both"], ["a", "both", "x"]),
    ],
)
def test_names_and_groups(folder: Path, names: list[str], served: list[str]) -> None:
    assert sorted(selected(folder, *names)) == served


def test_a_model_goes_before_a_group_of_its_name(folder: Path) -> None:
    write(folder / "more" / "group", name="group")
    write(folder / "more" / "all", name="all")
    assert selected(folder, "group") == ["group"]
    assert selected(folder, "all") == ["all"]


def test_members_from_a_group_are_added(folder: Path) -> None:
    assert catalog.select(catalog.read(folder), [])[1] == ["x"]


@pytest.mark.parametrize("names", [["nobody"], ["group", "nobody"]])
def test_an_unknown_name_lists_the_models_and_the_groups(folder: Path, names: list[str]) -> None:
    with pytest.raises(UsageError) as refusal:
        selected(folder, *names)
    assert str(refusal.value) == (
        "--models or CHORUS_MODELS: no model named nobody; "
        "known are a, b, x, y, both; groups are group, all"
    )


def test_the_repository() -> None:
    models = catalog.read(MODELS_DIR)
    assert [model.name for model in catalog.select(models, [])[0]] == [*MEMBERS, "process"]
    assert selected(MODELS_DIR, "svalabs", "ivanlau") == ["ivanlau", "svalabs"]
    tasks = [path.parent.name for path in MODELS_DIR.glob("tasks/*/model-settings.json")]
    assert selected(MODELS_DIR, "tasks") == sorted(tasks)
    assert len(selected(MODELS_DIR, "all")) == len(models) == len(tasks) + 6


def test_the_tasks_are_a_folder_of_models_too() -> None:
    assert selected(MODELS_DIR / "tasks") == selected(MODELS_DIR, "tasks")
    settings = MODELS_DIR / "tasks" / "settings.json"
    assert settings.samefile(MODELS_DIR.parent / "settings" / "settings.json")
