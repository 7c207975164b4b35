"""The parts of a logged model as one checkpoint folder, as `save_pretrained` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chorus_weights.digest import sha256
from chorus_weights.errors import CheckpointRefused

from .artifacts import COMPONENTS


def flatten(fetched: Path, weights: str, checkpoint: Path) -> None:
    """Move the files of all parts into one folder; nothing is copied.

    Raises CheckpointRefused where two parts have a file of one name and other bytes.
    """
    checkpoint.mkdir()
    for part in _parts(fetched, weights):
        for path in sorted(file for file in part.rglob("*") if file.is_file()):
            target = checkpoint / path.relative_to(part)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
                target.chmod(0o644)
            elif sha256(path) != sha256(target):
                raise CheckpointRefused(
                    f"two parts of it have another {path.relative_to(part)}; log it again with one"
                )


def _parts(fetched: Path, weights: str) -> Iterator[Path]:
    """The weights first, then the tokenizer, the processor, and what else there is."""
    yield fetched / weights
    components = fetched / COMPONENTS
    if components.is_dir():
        yield from sorted(path for path in components.iterdir() if path.is_dir())
