"""The model card that lies beside every stand-in of random weights."""

from typing import Any

_HEADER = """\
---
license: apache-2.0
library_name: transformers
standin: random
---
"""


def model_card(task: str, what: str, model: Any) -> str:
    """The card of one stand-in; `what` is a sentence on its architecture."""
    parts = [
        f"# A stand-in for {task}",
        "**Random weights, no real model.** Nothing was trained: its answers have the right form "
        "and mean nothing. It lets every route, format and client be tried without a download.",
        f"{what} {type(model).__name__}, {model.num_parameters():,} parameters; architecture, "
        "processors and files are those of real checkpoints of this kind, only smaller.",
        f"Answers that mean something: `chorus serve --models {task} --weights hub`.",
        f"Made by `python -m chorus.standins.tasks {task}`.",
    ]
    return _HEADER + "\n" + "\n\n".join(parts) + "\n"
