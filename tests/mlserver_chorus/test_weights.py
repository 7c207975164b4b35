"""Stand-in, hub or folder; the hub is a local server that speaks its API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from mlserver.settings import ModelParameters, ModelSettings
from tests.chorus_weights.hub_server import Hub, serving

from chorus_weights.lock import Lock, LockedFile, LockedModel
from chorus_weights.pull import pull
from chorus_weights.source import Part, Repository
from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.settings import ClassifierExtra
from mlserver_chorus.weights import Weights, locate, named

CONFIGURATION = {"config.json": b"1", "tokenizer.json": b"2", "tokenizer_config.json": b"3"}
SURPRISES = {"modeling_evil.py": b"x", "training_args.bin": b"x", "README.md": b"x"}
SAFE = {**CONFIGURATION, "model.safetensors": b"w" * 1000}


def settings(tmp_path: Path, uri: str | None) -> ModelSettings:
    made = ModelSettings(name="spam", implementation="mlserver_chorus.Classifier")
    made.parameters = ModelParameters(uri=uri)
    made._source = str(tmp_path / "models/spam/model-settings.json")
    return made


def test_the_stand_in_is_used_where_there_is_one(tmp_path: Path) -> None:
    found = locate(settings(tmp_path, "hf://a/b"), ClassifierExtra(standin="./standin"), "standin")
    assert (found.folder, found.kind) == (tmp_path / "models/spam/standin", "standin")


def test_a_model_without_a_stand_in_uses_its_own_weights(tmp_path: Path) -> None:
    found = locate(settings(tmp_path, "./weights"), ClassifierExtra(), "standin")
    assert (found.folder, found.kind) == (tmp_path / "models/spam/weights", "folder")


def test_a_folder_holds_one_checkpoint_per_model(tmp_path: Path) -> None:
    given = settings(tmp_path, "hf://a/b"), ClassifierExtra(standin="./standin"), str(tmp_path)
    found = locate(*given)
    assert (found.folder, found.kind, found.name) == (tmp_path / "spam", "folder", "spam")


def test_a_uri_that_names_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        LoadError, match=r"model spam: hf://name .* hf://organisation/name@revision"
    ):
        locate(settings(tmp_path, "hf://name"), ClassifierExtra(), "hub")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, for the library in this process too, which has read its environment long ago."""
    with serving(Hub()) as hub:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


def at_hub(tmp_path: Path, uri: str, lock_file: Path | None = None) -> Weights:
    return locate(settings(tmp_path, uri), ClassifierExtra(), "hub", lock_file=lock_file)


def names(weights: Weights) -> list[str]:
    return sorted(path.name for path in weights.folder.iterdir())


def test_a_commit_is_fetched_without_a_lock_and_nothing_but_safetensors(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit = hub.put("svalabs/spam", {**SAFE, **SURPRISES, "pytorch_model.bin": b"p"})
    found = at_hub(tmp_path, f"hf://svalabs/spam@{commit}")
    assert (found.kind, found.name, found.locked) == ("hub", f"svalabs/spam@{commit}", None)
    assert names(found) == sorted(SAFE)
    assert set(hub.sent) == set(SAFE)
    assert caplog.messages == []


def test_a_bin_is_fetched_where_there_is_nothing_safer(hub: Hub, tmp_path: Path) -> None:
    hub.put("svalabs/spam", {**CONFIGURATION, **SURPRISES, "pytorch_model.bin": b"p"})
    found = at_hub(tmp_path, "hf://svalabs/spam")
    assert names(found) == sorted([*CONFIGURATION, "pytorch_model.bin"])
    assert found.name == "svalabs/spam"


def test_what_is_not_pinned_is_told_of_once_and_follows_its_branch(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.put("svalabs/spam", SAFE)
    with caplog.at_level(logging.WARNING, "mlserver.chorus"):
        first = at_hub(tmp_path, "hf://svalabs/spam")
    (line,) = caplog.messages
    assert line.startswith("chorus: model spam: svalabs/spam is not pinned")
    assert line.endswith("chorus pull spam pins them")
    hub.put("svalabs/spam", {**SAFE, "model.safetensors": b"new"})
    second = at_hub(tmp_path, "hf://svalabs/spam")
    assert (second.folder / "model.safetensors").read_bytes() == b"new"
    assert second.folder != first.folder


@pytest.mark.parametrize("reference", ["main", "commit"])
def test_what_was_fetched_once_serves_without_a_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    commit = hub.put("svalabs/spam", SAFE)
    uri = f"hf://svalabs/spam@{commit if reference == 'commit' else reference}"
    first = at_hub(tmp_path, uri)
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert at_hub(tmp_path, uri) == first
    assert hub.requests == []


def test_a_repository_that_is_not_there_is_one_line_with_advice(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(LoadError) as refused:
        at_hub(tmp_path, "hf://svalabs/typo")
    line = str(refused.value)
    assert line.startswith("model spam: svalabs/typo is not on 127.0.0.1")
    assert "\n" not in line


def test_no_hub_and_nothing_fetched_is_one_line_with_advice(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(LoadError, match=r"svalabs/spam is not on this machine .* chorus pull spam"):
        at_hub(tmp_path, "hf://svalabs/spam")


def test_the_lock_beside_the_models_decides_and_is_not_written(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = hub.put("svalabs/spam", SAFE)
    hub.put("svalabs/words", SAFE)
    lock_file = tmp_path / "models" / "models.lock"
    lock_file.parent.mkdir()
    words = Repository("svalabs/words", part=Part.TOKENIZER)
    pull([Repository("svalabs/spam"), words], lock_file)
    written = lock_file.read_bytes()
    hub.put("svalabs/spam", {**SAFE, "model.safetensors": b"new"})
    hub.requests.clear()
    found = at_hub(tmp_path, "hf://svalabs/spam")
    assert (found.folder.name, found.name) == (old, f"svalabs/spam@{old}")
    assert found.locked == Lock.read(lock_file).get("svalabs/spam")
    tokenizer = named(settings(tmp_path, None), "svalabs/words", Part.TOKENIZER)
    assert names(tokenizer) == sorted(CONFIGURATION)
    assert hub.requests == []
    assert caplog.messages == []
    with pytest.raises(LoadError, match="its settings ask for v2; run chorus pull spam --update"):
        at_hub(tmp_path, "hf://svalabs/spam@v2")
    assert lock_file.read_bytes() == written


def test_a_locked_model_that_is_not_here_is_fetched_as_it_is_locked(
    hub: Hub, tmp_path: Path
) -> None:
    commit = hub.put("svalabs/spam", SAFE)
    lock_file = tmp_path / "elsewhere.lock"
    pull([Repository("svalabs/spam")], lock_file)
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_symlink() or path.parent.name == "blobs":
            path.unlink()
    hub.put("svalabs/spam", CONFIGURATION)
    found = at_hub(tmp_path, "hf://svalabs/spam", lock_file)
    assert (found.folder.name, names(found)) == (commit, sorted(SAFE))


def test_a_locked_model_of_other_bytes_is_refused(hub: Hub, tmp_path: Path) -> None:
    commit = hub.put("svalabs/spam", SAFE)
    files = (LockedFile("model.safetensors", 1000, "0" * 64),)
    lock_file = tmp_path / "elsewhere.lock"
    Lock().with_model(LockedModel("svalabs/spam", commit, files)).write(lock_file)
    with pytest.raises(LoadError, match=r"model spam: .* other bytes for model\.safetensors"):
        at_hub(tmp_path, "hf://svalabs/spam", lock_file)
