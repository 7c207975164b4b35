"""What the JSON of a checkpoint may not say, and how large its small files may be.

Read with the parser that transformers reads it with, so that both see the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .errors import CheckpointRefused
from .listing import File
from .lock import is_inside

# A parsed document may take 25 times its bytes, and a label per word makes a megabyte or two.
_MOST_BYTES = {
    ".json": 16 << 20,
    ".jinja": 1 << 20,
    **dict.fromkeys((".txt", ".model", ".spm", ".tiktoken", ".codes"), 128 << 20),
}
# Tokenizers of half a million tokens are 40 MB.
_MOST_BYTES_OF_VOCABULARIES = 128 << 20
_DEEPEST = 64
# Strings and numbers alone; their readers look for nothing else in them.
_VOCABULARIES = ("tokenizer.json", "*vocab*.json", "added_tokens.json", "tekken.json")

_FORBIDDEN: Mapping[str, str] = {
    "auto_map": "names code of the checkpoint to run",
    "custom_pipelines": "names code of the checkpoint to run",
    "transformers_weights": "names other files to read",
    "configuration_files": "names other files to read",
    "fast_tokenizer_files": "names other files to read",
    "audio_tokenizer_name_or_path": "names another checkpoint to read",
    "base_model_name_or_path": "names another checkpoint to read",
}
"""Keys that no document may have, at any depth."""

_PLAIN: Mapping[str, str] = {
    **dict.fromkeys(
        (f"{prefix}{what}_implementation" for prefix in ("", "_") for what in ("attn", "experts")),
        "names code of the hub to run",
    ),
    "architecture": "names another checkpoint to read",
    "backbone": "names another checkpoint to read",
}
"""Keys whose values may be names, but of no repository and no place."""


def require_small(files: Sequence[File]) -> None:
    """Raises CheckpointRefused for what is too large to be parsed in a moment; not for weights."""
    for file in files:
        limit = _MOST_BYTES.get(file.path.suffix.lower())
        if _is_vocabulary(file):
            limit = _MOST_BYTES_OF_VOCABULARIES
        if limit and file.size > limit:
            raise CheckpointRefused(
                f"{file.path} has {file.size} bytes, of at most {limit}; "
                "delete it, or choose another checkpoint"
            )


def require_harmless(files: Sequence[File]) -> None:
    """Parse every document; raises CheckpointRefused for what it may not say."""
    names = {str(file.path) for file in files}
    for file in files:
        if file.path.suffix.lower() != ".json" or _is_vocabulary(file):
            continue
        document = _parsed(file)
        for key, value in _members(document, file):
            _require_plain(file, key, value)
        if file.path.name.lower().endswith(".index.json"):
            _require_shards(file, document, names)
        elif file.path.name.lower() == "modules.json":
            _require_folders(file, document)


def _is_vocabulary(file: File) -> bool:
    return any(fnmatchcase(file.path.name, pattern) for pattern in _VOCABULARIES)


def _parsed(file: File) -> Any:
    try:
        return json.loads(file.real.read_bytes().decode("utf-8"))
    except RecursionError:
        raise CheckpointRefused(f"{file.path} is nested too deep; restore it") from None
    except ValueError:
        raise CheckpointRefused(f"{file.path} is not JSON; restore it") from None


def _members(document: Any, file: File) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise CheckpointRefused(f"{file.path} is nested too deep; restore it")
        if isinstance(value, dict):
            yield from value.items()
            waiting += [(member, depth + 1) for member in value.values()]
        elif isinstance(value, list):
            waiting += [(element, depth + 1) for element in value]


def _require_plain(file: File, key: str, value: Any) -> None:
    reason = _FORBIDDEN.get(key)
    if key in _PLAIN and not _is_plain(value):
        reason = _PLAIN[key]
    if reason:
        raise CheckpointRefused(
            f"{file.path} says {key}, which {reason}; remove it there, or choose another checkpoint"
        )


def _is_plain(value: Any) -> bool:
    """Whether it names no repository (`org/name`) and no place (`hf-hub:…`); nor in an object."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return not isinstance(value, str) or not {"/", ":"} & set(value)


def _require_shards(file: File, document: Any, names: set[str]) -> None:
    """Every weight lies in a file beside the index, of the kind that it is the index of."""
    shards = document.get("weight_map") if isinstance(document, dict) else None
    kind = ".bin" if ".bin." in file.path.name.lower() else ".safetensors"
    if not isinstance(shards, dict):
        raise CheckpointRefused(f"{file.path} has no weight_map; restore it")
    for shard in set(map(_name, shards.values())):
        plain = is_inside(shard) and "/" not in shard and shard.endswith(kind)
        if not plain or str(file.path.with_name(shard)) not in names:
            raise CheckpointRefused(
                f"{file.path}: weight_map names something else than {kind[1:]} files beside it; "
                "restore it"
            )


def _require_folders(file: File, document: Any) -> None:
    """The steps of sentence-transformers lie in folders below, the first in this one."""
    steps = document if isinstance(document, list) else [document]
    for step in steps:
        path = step.get("path") if isinstance(step, dict) else None
        if path != "" and not is_inside(path):
            raise CheckpointRefused(f"{file.path}: path is no folder beside it; restore it")


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""
