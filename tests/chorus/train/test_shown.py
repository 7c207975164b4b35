"""What is drawn: bars in a terminal, the matrix as a picture."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from PIL import Image
from rich.console import Console

from chorus.training import confusion
from chorus.training.early_stop import Epoch
from chorus.training.progress import TrainingProgress
from chorus.training.scores import Scores


def test_a_terminal_has_a_bar_for_each_epoch_with_loss_and_f1() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    with TrainingProgress(console, 2) as shown:
        for epoch in (1, 2):
            shown.began(epoch, 3)
            for _ in range(3):
                shown.stepped(0.5)
            shown.ended(epoch, Epoch(0.25, 0.5, 0.875))
    for expected in ("epoch 1/2", "epoch 2/2", "3/3", "loss 0.250, validation F1 0.875"):
        assert expected in out.getvalue()


def test_scores_are_those_of_the_matrix() -> None:
    scores = Scores(("a", "b", "c"), ((3, 1, 0), (1, 2, 0), (0, 0, 0)), 0.5)

    assert (scores.rows, scores.accuracy) == (7, 5 / 7)
    a, b, c = scores.labels.values()
    assert (a.precision, a.recall, a.f1, a.support) == (3 / 4, 3 / 4, 3 / 4, 4)
    assert (b.precision, b.recall, b.f1) == (2 / 3, 2 / 3, 2 / 3)
    assert (c.precision, c.recall, c.f1, c.support) == (0, 0, 0, 0)
    assert scores.macro_f1 == (3 / 4 + 2 / 3) / 2
    assert scores.recall == {"a": 3 / 4, "b": 2 / 3}


def test_the_picture_has_a_cell_for_each_pair_and_writes_any_label(tmp_path: Path) -> None:
    names = ("plain", "ラベル", "$x_^$", "long " * 20)
    matrix = tuple(tuple(4 * (i == j) for j in range(4)) for i in range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib's, for a letter that it cannot draw
        for name in ("first.png", "second.png"):
            confusion.draw(Scores(names, matrix, 0.5), tmp_path / name)

    first = (tmp_path / "first.png").read_bytes()
    assert first == (tmp_path / "second.png").read_bytes()
    picture = Image.open(io.BytesIO(first)).convert("RGB")
    dark = picture.getchannel(2).histogram()[:128]
    assert sum(dark) > 4 * 100
