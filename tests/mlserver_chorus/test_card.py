"""Whether a stand-in was trained, as its card says; no card promises more than it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import MODELS

from chorus.standins.tasks import card as random_card
from mlserver_chorus import card


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\nlicense: apache-2.0\nstandin: trained\n---\n\n# A card\n", "trained"),
        ("---\nlicense: apache-2.0\n---\n\n# A card\n", "random"),
        ("---\nlicense: apache-2.0\n---\nstandin: trained\n", "random"),
        ("---\nstandin: random\n---\n", "random"),
        ("\x00---", "random"),
        ("", "random"),
    ],
)
def test_what_a_card_says(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / card.CARD).write_text(text)
    assert card.standin(tmp_path) == said


def test_without_a_card_nothing_is_promised(tmp_path: Path) -> None:
    assert card.standin(tmp_path) == "random"


@pytest.mark.parametrize("folder", sorted(MODELS.glob("*/standin")), ids=lambda f: f.parent.name)
def test_those_that_ship_say_that_they_are_trained(folder: Path) -> None:
    assert card.standin(folder) == "trained"


def test_those_that_are_made_on_first_use_say_that_they_are_not(tmp_path: Path) -> None:
    class Made:
        def num_parameters(self) -> int:
            return 1

    (tmp_path / card.CARD).write_text(random_card.model_card("fill-mask", "It fills.", Made()))
    assert "\nstandin: random\n" in (tmp_path / card.CARD).read_text()
    assert card.standin(tmp_path) == "random"
