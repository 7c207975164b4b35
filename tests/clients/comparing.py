"""Answers are the same if their floats are, within a tolerance."""

from __future__ import annotations

from typing import Any

import pytest

TOLERANCE = 1e-5


def assert_same(found: Any, expected: Any, where: str = "answer") -> None:
    """Structure and texts equal, numbers within TOLERANCE; names the first place that differs."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        assert found.keys() == expected.keys(), where
        for name, part in expected.items():
            assert_same(found[name], part, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list), where
        assert len(found) == len(expected), where
        for index, part in enumerate(expected):
            assert_same(found[index], part, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=TOLERANCE), where
    else:
        assert found == expected, where
