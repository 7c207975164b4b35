"""From a task to a folder with a checkpoint and its card, whole or not at all."""

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import torch

from chorus.standins.tasks.card import model_card
from chorus.standins.tasks.recipes import CARD, RECIPES

# The order of sums depends on their number; it must not depend on the machine.
THREADS = 1


def make(task: str, folder: Path) -> None:
    """Write the stand-in of a task to `folder`, in place of what is there.

    The same bytes every time, for one version of the libraries. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".making-") as work:
        made = Path(work, "made")
        _write(task, made)
        if folder.exists():
            folder.rename(Path(work, "old"))
        made.rename(folder)


def _write(task: str, folder: Path) -> None:
    torch.set_num_threads(THREADS)
    torch.manual_seed(crc32(task.encode()))
    recipe = _recipe(task)
    model, *processors = recipe()
    for part in (model, *processors):
        part.save_pretrained(folder)
    # safetensors lets only the owner read, and a server often runs as another user.
    (folder / "model.safetensors").chmod(0o644)
    (folder / CARD).write_text(model_card(task, recipe.__doc__, model), encoding="utf-8")


def _recipe(task: str) -> Any:
    module, _, function = RECIPES[task].partition(":")
    return getattr(import_module(f"chorus.standins.tasks.{module}"), function)
