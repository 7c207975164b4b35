"""A folder of two models whose checkpoints a test may spoil: a plain one, and one of the hub's."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import MODELS
from tests.live.folders import models_folder

from chorus_weights.lock import Lock, LockedFile, LockedModel

PLAIN = "plain"
PINNED = "svalabs"
"""Both are this model of the repository's, on its stand-in."""
WEIGHTS = MODELS / PINNED / "standin"
REPOSITORY = "svalabs/twitter-xlm-roberta-crypto-spam"
CANARY = "what-a-checkpoint-wants-to-leave"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Served:
    """The folder of models, their checkpoints, and the environment that serves them."""

    root: Path
    plain: Path
    pinned: Path
    environment: dict[str, str]


def served(folder: Path) -> Served:
    """`plain` on a folder beside its settings, `svalabs` on the hub's cache and in the lock."""
    root = models_folder(folder / "models", PINNED)
    settings = json.loads((root / PINNED / "model-settings.json").read_text())
    plain = root / PLAIN / "weights"
    shutil.copytree(WEIGHTS, plain)
    own = settings | {"name": PLAIN, "parameters": {"uri": "./weights", **_environment(plain)}}
    (root / PLAIN / "model-settings.json").write_text(json.dumps(own))
    home = folder / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    pinned = home / "snapshots" / COMMIT
    pinned.mkdir(parents=True)
    (home / "blobs").mkdir()
    locked = tuple(_cached(file, pinned) for file in sorted(WEIGHTS.iterdir()))
    Lock({REPOSITORY: LockedModel(REPOSITORY, COMMIT, locked)}).write(root / "models.lock")
    environment = {"CHORUS_WEIGHTS": "hub", "HF_HUB_CACHE": str(folder / "hub")}
    return Served(root, plain, pinned, environment)


def _environment(checkpoint: Path) -> dict[str, str]:
    """An archive that MLServer would unpack for its workers, onto the settings of the model."""
    packed = checkpoint.parent / "environment.tar"
    with tarfile.open(packed, "w") as archive:
        archive.add(checkpoint / "README.md", arcname=f"../../models/{PLAIN}/{CANARY}")
    return {"environment_tarball": f"./{packed.name}"}


def _cached(file: Path, snapshot: Path) -> LockedFile:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (snapshot.parent.parent / "blobs" / digest).write_bytes(content)
    (snapshot / file.name).symlink_to(f"../../blobs/{digest}")
    return LockedFile(file.name, len(content), digest)


def say(checkpoint: Path, file: str, **said: object) -> None:
    """Add to what a document of the checkpoint says."""
    path = checkpoint / file
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
