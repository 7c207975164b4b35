"""Whole soaks: the classifiers pass, what leaks fails, and the tool says which and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.soak.__main__ import main


def soaked(folder: Path, *arguments: str) -> tuple[int, dict[str, bool | None]]:
    """The exit status, and the verdict by check, process ids left out."""
    file = folder / "soak.json"
    status = main([*arguments, "--json", str(file)])
    checks = json.loads(file.read_text())["checks"]
    return status, {check["name"].rstrip(" 0123456789"): check["passed"] for check in checks}


def failed(verdict: dict[str, bool | None]) -> set[str]:
    return {name for name, passed in verdict.items() if passed is False}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("healthy", set()),
        ("leaks-memory", {"memory of runtime"}),
        ("leaks-descriptors", {"descriptors of runtime"}),
        ("leaks-threads", {"threads of runtime"}),
    ],
)
def test_what_leaks_fails_and_nothing_else(tmp_path: Path, subject: str, told: set[str]) -> None:
    status, verdict = soaked(tmp_path, "--minutes", "0.5", "--subject", subject)
    assert failed(verdict) == told
    assert status == int(bool(told))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_minutes_of_the_classifiers(tmp_path: Path) -> None:
    chart = tmp_path / "soak.png"
    status, verdict = soaked(tmp_path, "--minutes", "5", "--chart", str(chart))
    assert failed(verdict) == set()
    assert status == 0
    assert chart.read_bytes().startswith(b"\x89PNG")
