"""Where MLServer's settings come from, and what they may not say."""

from __future__ import annotations

import json
import logging.config
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MODELS

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.launcher.reading import read_settings


def settings_of(folder: Path, **said: Any) -> Any:
    (folder / "settings.json").write_text(json.dumps(said))
    return read_settings(folder)


@pytest.mark.parametrize("said", [{}, {"debug": True}])
def test_tracebacks_are_for_nobody(tmp_path: Path, said: dict[str, Any]) -> None:
    assert settings_of(tmp_path, **said).debug is False


def test_another_way_to_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="logging_settings: set CHORUS_LOG_FORMAT"):
        settings_of(tmp_path, logging_settings="logs.json")


def test_nobody_sets_logging_up_anew(tmp_path: Path) -> None:
    """It is what MLServer and uvicorn do with the setting."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logging.config.dictConfig(settings_of(tmp_path).logging_settings)
    assert (root.handlers, root.level) == before
    assert not logging.getLogger("mlserver").disabled


def test_variables_win_over_the_file_and_arguments_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"http_port": 1, "grpc_port": 1, "metrics_port": 1}
    monkeypatch.setenv("MLSERVER_GRPC_PORT", "2")
    monkeypatch.setenv("MLSERVER_METRICS_PORT", "2")
    (tmp_path / "settings.json").write_text(json.dumps(said))
    settings = read_settings(tmp_path, metrics_port=3, host=None)
    assert (settings.http_port, settings.grpc_port, settings.metrics_port) == (1, 2, 3)


def test_a_folder_without_settings_is_served_by_ours(tmp_path: Path) -> None:
    """Those of the repository's own models, where a platform mounts nothing but weights."""
    settings = read_settings(tmp_path)
    ours = json.loads((MODELS / "settings.json").read_text())
    assert {name: getattr(settings, name) for name in ours} == ours


def test_what_nobody_may_choose_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSERVER_PARALLEL_WORKERS", "4")
    monkeypatch.setenv("MLSERVER_DEBUG", "true")
    monkeypatch.setenv("MLSERVER_CACHE_ENABLED", "true")
    settings = read_settings(tmp_path)
    assert (settings.parallel_workers, settings.debug, settings.cache_enabled) == (0, False, False)


def test_a_wrong_value_is_told_with_the_place_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LoadError, match=r"settings\.json cannot be read: http_port: "):
        settings_of(tmp_path, http_port="x")
    monkeypatch.setenv("MLSERVER_HTTP_PORT", "y")
    with pytest.raises(LoadError, match=r"^MLSERVER_HTTP_PORT: "):
        settings_of(tmp_path)
