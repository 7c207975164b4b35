"""Checkpoint folders for checks that parse no weights: right in form, empty in content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from chorus_weights.lock import LockedFile, LockedModel

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "org/name"


def checkpoint(folder: Path) -> Path:
    """A folder as `save_pretrained` leaves it, and what people put beside it."""
    write(folder, "config.json", {"model_type": "bert", "label2id": {"A": 0}})
    write(folder, "tokenizer_config.json", {"special_tokens_map_file": "/root/elsewhere.json"})
    write(folder, "tokenizer.json", {"model": {"vocab": {"auto_map": 1}}})
    write(folder, "model.safetensors", b"weights")
    write(folder, "README.md", b"# A model")
    return folder


def write(folder: Path, path: str, content: bytes | dict[str, Any] | list[Any]) -> None:
    """A file of the folder, from its bytes or as JSON."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def snapshot(cache: Path) -> Path:
    """The checkpoint as the hub's cache keeps it: a folder of links."""
    home = cache / "models--org--name"
    plain = checkpoint(cache / "plain")
    folder = home / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (home / "blobs").mkdir()
    for file in plain.iterdir():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(home / "blobs" / digest)
        (folder / file.name).symlink_to(f"../../blobs/{digest}")
    plain.rmdir()
    return folder


def locked(folder: Path) -> LockedModel:
    """The lock of all that is in the folder but its card."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
    files = [
        LockedFile(
            str(path.relative_to(folder)),
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in paths
    ]
    return LockedModel(REPOSITORY, COMMIT, tuple(files))
