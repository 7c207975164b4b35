"""What stands above a tab's inputs: which model it is, and whether it only stands in for one."""

from collections.abc import Sequence
from html import escape
from typing import Final

from chorus_ui.gateway import Model

NOTHING: Final = (
    "No model is ready. `chorus serve` starts the five classifiers, "
    "`chorus serve --models tasks` a model for each task; the page shows them when they are ready."
)
RANDOM: Final = (
    "A stand-in with random weights answers here: "
    "the answers have the right form, and their content means nothing."
)
TRAINED: Final = (
    "Small stand-ins, trained by this project, answer here in place of the real weights. "
    "The real ones: chorus serve --weights hub."
)
REVISION: Final = 12  # characters of a commit
STANDIN: Final = "A stand-in answers here in place of the real weights."


def of(name: str | None, models: Sequence[Model]) -> str:
    """Describe the model of that name, as HTML; nothing if it is not among them."""
    return "".join(_described(one) + standin(one) for one in models if one.name == name)


def _described(model: Model) -> str:
    parts = [model.name]
    if model.weights != "standin":
        parts += [model.checkpoint or "", (model.revision or "")[:REVISION]]
    known = " · ".join(dict.fromkeys(filter(None, parts)))
    return f'<p class="chorus-model">{escape(known)}</p>'


def standin(model: Model) -> str:
    """Say whether it only stands in for another, as HTML."""
    text = {"random": RANDOM, "trained": TRAINED}.get(model.standin or "")
    if not text and model.weights == "standin":
        text = STANDIN
    return f'<p class="chorus-standin">{text}</p>' if text else ""
