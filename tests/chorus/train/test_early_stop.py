"""Which epoch is the best, and when to end."""

import pytest

from chorus.training.early_stop import Epoch, best, is_over


def history(*validated: tuple[float, float]) -> list[Epoch]:
    """Epochs of these F1 and losses."""
    return [Epoch(0.0, loss, f1) for f1, loss in validated]


@pytest.mark.parametrize(
    ("validated", "index"),
    [
        ([(0.5, 1.0)], 0),
        ([(0.5, 1.0), (0.6, 2.0)], 1),
        ([(0.6, 1.0), (0.5, 0.1)], 0),
        ([(0.5, 1.0), (0.5, 0.9)], 1),
        ([(0.5, 1.0), (0.5, 0.995)], 0),
    ],
)
def test_the_greatest_f1_is_best_then_a_clearly_lesser_loss(
    validated: list[tuple[float, float]], index: int
) -> None:
    assert best(history(*validated)) == index


def test_it_ends_with_the_epochs_or_with_the_patience() -> None:
    assert not is_over([], 3, 1)
    assert is_over(history((0.1, 1), (0.2, 1), (0.3, 1)), 3, 1)
    assert not is_over(history((0.9, 1), (0.2, 1)), 5, 2)
    assert is_over(history((0.9, 1), (0.2, 1), (0.3, 1)), 5, 2)
