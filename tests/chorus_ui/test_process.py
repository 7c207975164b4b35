"""The first tab's request and answer; a browser uses them in tests/browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chorus_ui.errors import Hint
from chorus_ui.process import EXAMPLES, JUDGES, request, show

MODELS = Path(__file__).parents[2] / "models"


def test_every_classifier_that_ships_is_described() -> None:
    settings = json.loads((MODELS / "process" / "model-settings.json").read_text())
    assert set(settings["parameters"]["extra"]["members"]) == set(JUDGES)


def test_a_text_is_sent_as_it_is() -> None:
    assert json.loads(request(" a\n").content) == " a\n"
    assert request("a").path == "/process"


def test_an_empty_text_is_not_sent() -> None:
    with pytest.raises(Hint):
        request("")


def test_labels_that_say_nothing_are_explained() -> None:
    (drawn,) = show({"EIStakovskii": {"label": "LABEL_1", "score": 0.9}}, "")
    assert "LABEL_1 · toxic" in drawn


def test_a_classifier_that_nobody_has_heard_of_is_shown_by_its_name() -> None:
    (drawn,) = show({"mine": {"label": "A", "score": 0.9}}, "")
    assert "mine" in drawn


def test_the_examples_differ() -> None:
    assert len({example[:20] for example in EXAMPLES}) == len(EXAMPLES)
