"""Which models a folder holds, and which the variables of a platform describe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.launcher.reading import read_models

CLASSIFIER = "mlserver_chorus.Classifier"


def model(folder: Path, **said: object) -> Path:
    folder.mkdir(parents=True)
    settings = {"implementation": CLASSIFIER, **said}
    (folder / "model-settings.json").write_text(json.dumps(settings))
    return folder


def names(root: Path) -> list[str]:
    return [settings.name for settings in read_models(root, None)]


def test_a_mounted_config_map_is_one_model(tmp_path: Path) -> None:
    """Its files are links to what is in a hidden folder, so that all change at once."""
    mounted = tmp_path / "mounted"
    model(mounted / "..2026_11_21", name="mine")
    (mounted / "..data").symlink_to("..2026_11_21")
    (mounted / "model-settings.json").symlink_to("..data/model-settings.json")
    assert names(tmp_path) == ["mine"]


def test_a_folder_behind_a_link_is_a_model(tmp_path: Path) -> None:
    elsewhere = model(tmp_path / "elsewhere" / "weights", name="linked")
    root = tmp_path / "models"
    root.mkdir()
    (root / "linked").symlink_to(elsewhere)
    assert names(root) == ["linked"]


def test_a_name_is_of_the_settings_the_variables_or_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(tmp_path / "a", name="said")
    model(tmp_path / "b")
    assert names(tmp_path) == ["said", "b"]
    monkeypatch.setenv("MLSERVER_MODEL_NAME", "of-the-service")
    assert names(tmp_path) == ["said", "of-the-service"]


def test_variables_describe_a_model_where_no_folder_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSERVER_MODEL_NAME", "mine")
    monkeypatch.setenv("MLSERVER_MODEL_IMPLEMENTATION", CLASSIFIER)
    monkeypatch.setenv("MLSERVER_MODEL_URI", "/mnt/models")
    (settings,) = read_models(tmp_path, None)
    assert settings.name == "mine"
    assert settings.parameters is not None
    assert settings.parameters.uri == "/mnt/models"
    model(tmp_path / "a", name="said")
    assert names(tmp_path) == ["said"]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "there is no model-settings.json below"),
        ({"PARALLEL_WORKERS": "1"}, "there is no model-settings.json below"),
        ({"IMPLEMENTATION": CLASSIFIER}, "MLSERVER_MODEL_NAME"),
        ({"IMPLEMENTATION": CLASSIFIER, "NAME": "a", "MAX_BATCH_SIZE": "x"}, "max_batch_size"),
        ({"IMPLEMENTATION": CLASSIFIER, "NAME": "a", "EXTRA": "{"}, "extra"),
    ],
)
def test_variables_that_describe_none_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"MLSERVER_MODEL_{name}", value)
    with pytest.raises(LoadError, match=named) as refusal:
        read_models(tmp_path, None)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("wanted", [None, ["all", "one"], ["one", "all"]])
def test_an_ensemble_comes_after_its_members(tmp_path: Path, wanted: list[str] | None) -> None:
    model(tmp_path / "all", name="all", parameters={"extra": {"members": {"one": {}}}})
    model(tmp_path / "one", name="one")
    assert [settings.name for settings in read_models(tmp_path, wanted)] == ["one", "all"]
