"""The confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from chorus.training.scores import Scores

_LONGEST_NAME = 24
_MOST_COUNTS = 30  # labels; of more, the numbers would cover the colours
_INCHES_PER_LABEL = 0.45
_LARGEST_INCHES = 24.0
_DPI = 100
_POINTS, _SMALLEST_POINTS = 10.0, 2.0


def draw(scores: Scores, path: Path) -> None:
    """Write a PNG: a line per true label, coloured by the part that was told each."""
    names = _ticks(scores.names)
    side = min(3.5 + _INCHES_PER_LABEL * len(names), _LARGEST_INCHES)
    figure = Figure(figsize=(side, side), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    parts = [[count / max(sum(line), 1) for count in line] for line in scores.matrix]
    axes.imshow(parts, cmap="Blues", vmin=0, vmax=1)
    size = max(_SMALLEST_POINTS, min(_POINTS, 40 * side / len(names)))  # half a cell's height
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(places, names, fontsize=size, parse_math=False)
    axes.set_xlabel("told")
    axes.set_ylabel("true")
    if len(names) <= _MOST_COUNTS:
        for y, line in enumerate(scores.matrix):
            for x, count in enumerate(line):
                colour = "white" if parts[y][x] > 0.5 else "black"
                axes.text(x, y, str(count), ha="center", va="center", color=colour)
    # Without matplotlib's version in it, the same scores are the same bytes.
    figure.savefig(path, metadata={"Software": None})


def _ticks(names: Sequence[str]) -> list[str]:
    """The labels; the number of one that is too long, or that the font cannot write."""
    letters = get_font(findfont(FontProperties())).get_charmap()
    return [
        name
        if len(name) <= _LONGEST_NAME and all(ord(letter) in letters for letter in name)
        else f"#{number}"
        for number, name in enumerate(names)
    ]
