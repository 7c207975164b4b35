"""Whatever way a model's files are found, they are verified on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from mlserver.settings import ModelParameters, ModelSettings
from tests.chorus_weights.folders import checkpoint, write

from chorus_weights.source import Part
from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.settings import ClassifierExtra
from mlserver_chorus.weights import Weights, locate, named


def settings(home: Path, uri: str = "./weights") -> ModelSettings:
    made = ModelSettings(name="spam", implementation="mlserver_chorus.Classifier")
    made.parameters = ModelParameters(uri=uri)
    made._source = str(home / "model-settings.json")
    return made


def standin(home: Path) -> Weights:
    return locate(settings(home), ClassifierExtra(standin="./weights"), "standin")


def uri(home: Path) -> Weights:
    return locate(settings(home), ClassifierExtra(), "hub")


def pretrained(home: Path) -> Weights:
    return locate(settings(home, "hf://a/b"), ClassifierExtra(), "hub", "./weights")


def folder(home: Path) -> Weights:
    (home / "all").mkdir(exist_ok=True)
    (home / "all" / "spam").unlink(missing_ok=True)
    (home / "all" / "spam").symlink_to("../weights")
    return locate(settings(home, "hf://a/b"), ClassifierExtra(), str(home / "all"))


def tokenizer(home: Path) -> Weights:
    return named(settings(home, "hf://a/b"), "./weights", Part.TOKENIZER)


WAYS = [standin, uri, pretrained, folder, tokenizer]


@pytest.mark.parametrize("find", WAYS)
def test_every_way_leads_past_the_check(tmp_path: Path, find: Callable[[Path], Weights]) -> None:
    checkpoint(tmp_path / "weights")
    assert find(tmp_path).folder.is_dir()
    write(tmp_path, "weights/modeling.py", b"")
    with pytest.raises(LoadError, match=r"^model spam: modeling\.py is code, .*; delete it$"):
        find(tmp_path)


@pytest.mark.parametrize("find", [standin, uri])
def test_a_folder_that_is_not_there_is_for_its_loader(
    tmp_path: Path, find: Callable[[Path], Weights]
) -> None:
    assert find(tmp_path).folder == tmp_path / "weights"


def test_who_else_may_change_them_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = checkpoint(tmp_path / "weights")
    place.chmod(0o755)
    with caplog.at_level(logging.WARNING, "mlserver.chorus"):
        uri(tmp_path)
        assert not caplog.messages
        place.chmod(0o777)
        uri(tmp_path)
    (told,) = caplog.messages
    assert "model spam" in told
    assert "chmod" in told
    assert str(tmp_path) not in told
