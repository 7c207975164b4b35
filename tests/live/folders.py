"""Folders of models to start a server on."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import MODELS, checkpoint


def models_folder(root: Path, *models: str) -> Path:
    """A folder of models like the repository's, with the weights linked into it."""
    root.mkdir(parents=True)
    shutil.copy(MODELS / "settings.json", root)
    for model in models:
        (root / model).mkdir()
        shutil.copy(MODELS / model / "model-settings.json", root / model)
        if checkpoint(model).is_dir():
            (root / model / "standin").symlink_to(checkpoint(model))
    return root
