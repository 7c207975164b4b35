"""What Hugging Face's own clients must have read; the same of every client."""

from __future__ import annotations

from typing import Any

import pytest

Told = dict[str, Any]
"""What a client gave for each call: `{"value": …}`, or `{"error": …}`."""


def value(told: Told, call: str) -> Any:
    """What the call gave; the client's own error fails the test."""
    assert "error" not in told[call], told[call]["error"]
    return told[call]["value"]


def is_ranking(found: Any, key: str = "label") -> None:
    """Best first, each with a score."""
    assert found
    assert all(isinstance(one[key], str) for one in found)
    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def is_distribution(found: Any, labels: int | None = None) -> None:
    """A ranking of all there is."""
    is_ranking(found)
    assert sum(one["score"] for one in found) == pytest.approx(1, abs=1e-4)
    assert labels is None or len(found) == labels


def are_boxes(found: Any) -> None:
    """Objects with their corners in order; a box may reach beyond the image."""
    for one in found:
        assert isinstance(one["label"], str)
        assert 0 <= one["score"] <= 1
        box = one["box"]
        assert box["xmin"] <= box["xmax"]
        assert box["ymin"] <= box["ymax"]
