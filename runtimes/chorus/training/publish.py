"""A trained model into the models folder, whole or not at all."""

import json
import shutil
from pathlib import Path
from typing import Any

from chorus import catalog
from chorus.training.place import RESULTS
from chorus.training.saving import save, slim
from chorus.training.start import Start
from chorus.training.workspace import Workspace


def publish(
    into: Path, space: Workspace, start: Start, results: dict[str, Any], card: str, picture: Path
) -> Path:
    """Assemble the folder beside its place and rename it there; the folder."""
    made = space.folder / "model"
    shutil.rmtree(made, ignore_errors=True)
    weights = made / "weights"
    weights.mkdir(parents=True)
    save(start.model, start.tokenizer, weights)
    if not start.origin:
        slim(weights)
    picture.rename(made / "confusion.png")
    (made / "README.md").write_text(card, encoding="utf-8")
    _write(made / RESULTS, results)
    settings = {
        "name": space.name,
        "implementation": "mlserver_chorus.Classifier",
        "parameters": {"uri": "./weights"},
    }
    _write(made / catalog.SETTINGS, settings)
    place = into / space.name
    if place.exists():
        old = space.folder / "replaced"
        shutil.rmtree(old, ignore_errors=True)  # of a run that died right here
        place.rename(old)
    made.rename(place)
    return place


def _write(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
