"""Bars on a terminal, lines elsewhere, and nothing that a file's name could draw."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from chorus import fetch_progress
from chorus.fetch_progress import FetchProgress
from chorus_weights.transfer import Job

COMMIT = "0" * 40
LARGE = Job("org/spam", COMMIT, "model[red].safetensors", 100_000_000, "a" * 64)
SMALL = Job("org/spam", COMMIT, "config.json", 2, "b" * 40)


def shown(*, terminal: bool) -> str:
    out = StringIO()
    with FetchProgress(Console(file=out, force_terminal=terminal, width=120)) as progress:
        progress.planned([LARGE, SMALL])
        progress.told(SMALL, 2)
        progress.told(LARGE, 50_000_000)
        if terminal and progress._bars:
            progress._bars.refresh()
    return out.getvalue()


def test_a_terminal_shows_a_bar_for_all_and_one_for_what_is_large() -> None:
    text = shown(terminal=True)
    assert "all files" in text
    assert "org/spam model[red].safetensors" in text
    assert "config.json" not in text


def test_elsewhere_it_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(terminal=False) == ""
    monkeypatch.setattr(fetch_progress, "LINE_S", 0.0)
    lines = shown(terminal=False).splitlines()
    assert lines == ["chorus: fetching: 0 of 100 MB", "chorus: fetching: 50 of 100 MB"]
