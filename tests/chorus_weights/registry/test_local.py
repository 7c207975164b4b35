"""What is served where MLflow does not answer, and what not; tests/mlflow asks a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chorus_weights.errors import RegistryUnreachable
from chorus_weights.registry.cache import Cache
from chorus_weights.registry.local import Registry
from chorus_weights.registry.uri import ModelUri, parse
from chorus_weights.registry.version import Version

SERVER = "http://registry:5000"
AWAY = {"error": "MLflow at registry:5000 cannot be reached", "unreachable": True}


def uri(text: str) -> ModelUri:
    found = parse(text)
    assert found
    return found


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """With version 1, which the champion was when MLflow last answered."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    cache = Cache(tmp_path, SERVER)
    version = Version("models:/topics/1", "mlflow-artifacts:/1/models/m-1/artifacts", "r", "m-1")
    cache.checkpoint(version).mkdir(parents=True)
    (cache.checkpoint(version) / "model.safetensors").write_bytes(b"weights")
    cache.describe(cache.home(version), version)
    cache.remember("models:/topics@champion", version)
    cache.remember("models:/topics/1", version)
    return cache


def registry(cache: Cache, monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> Registry:
    left = list(answers)
    monkeypatch.setattr(Registry, "_asked", lambda self, uri: left.pop(0))
    return Registry(cache.root)


def test_a_first_start_has_what_the_alias_last_meant(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = registry(cache, monkeypatch, AWAY).find(uri("models:/topics@champion"))
    assert found.version.uri == "models:/topics/1"
    assert found.folder.is_dir()
    (line,) = caplog.messages
    assert "models:/topics@champion is taken for models:/topics/1" in line


def test_a_reload_of_an_alias_is_refused_and_one_of_a_version_is_not(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known = cache.remembered("models:/topics/1")
    assert known
    answered = {"version": known.document(), "bytes": 0}
    asked = registry(cache, monkeypatch, answered, answered, AWAY, AWAY)
    for text in ("models:/topics@champion", "models:/topics/1"):
        assert asked.find(uri(text)).version == known
    with pytest.raises(RegistryUnreachable, match="cannot be reached"):
        asked.find(uri("models:/topics@champion"))
    assert asked.find(uri("models:/topics/1")).version == known
    assert caplog.messages == []


def test_a_damaged_file_and_another_server_are_no_cache(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    (weights,) = cache.root.glob("*/checkpoint/model.safetensors")
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://other:5000")
        with pytest.raises(RegistryUnreachable):
            registry(cache, patch, AWAY).find(uri("models:/topics/1"))
    weights.write_bytes(b"changed")
    with pytest.raises(RegistryUnreachable):
        registry(cache, monkeypatch, AWAY).find(uri("models:/topics/1"))
