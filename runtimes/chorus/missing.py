"""Stand-ins are made when they are first served, by a process that may import torch."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from chorus.catalog import Model
from chorus.errors import UsageError
from chorus.process import Command, Process
from chorus.standins.tasks.recipes import FOLDER, RECIPES, is_made
from chorus.terminal import Terminal

PROGRESS = "making stand-ins:"  # how the maker begins a line that says how far it is
REASON = "chorus:"  # and the one that says why it cannot go on


def has_recipe(model: Model) -> bool:
    """Whether the model's stand-in is one of random weights, which can be made here."""
    home = model.standin and model.standin.parent
    return bool(home and home.name in RECIPES and model.task and model.standin == home / FOLDER)


async def make(models: Sequence[Model], terminal: Terminal) -> None:
    """Make what these models lack, telling how far it is. Raises UsageError."""
    for folder, tasks in _wanted(models).items():
        await _make(folder, tasks, terminal)


def _wanted(models: Sequence[Model]) -> Mapping[Path, Sequence[str]]:
    wanted = defaultdict(list)
    for model in models:
        if model.standin and has_recipe(model) and not is_made(model.standin):
            home = model.standin.parent
            wanted[home.parent].append(home.name)
    return wanted


async def _make(folder: Path, tasks: Sequence[str], terminal: Terminal) -> None:
    def on_line(name: str, line: str) -> None:
        if line.startswith(PROGRESS):
            terminal.status(line)
        elif not line.startswith(REASON):
            terminal.child_line(name, line)

    argv = [sys.executable, "-m", "chorus.standins.tasks", *tasks, "--into", str(folder)]
    process = await Process.start(Command("standins", argv, os.environ), on_line)
    try:
        end = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if end.code:
        raise UsageError(end.last_line.removeprefix(REASON).strip() or f"the maker {end}")
