"""What MLServer's settings may say of logs and tracebacks: nothing."""

from __future__ import annotations

import json
import logging.config
from pathlib import Path
from typing import Any

import pytest

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
