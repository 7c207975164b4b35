"""The five folders of weights that every peer serves: found, made at random, or converted."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.answers import KEYS
from benchmarks.shapes import SIZES

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".bench"
# Part of what a cached folder is known by: to be raised when the same options make other weights.
RECIPE = 1
STAND_IN = "standin"
# What stands around every tokenizer here; 512 = 514 positions less the two that RoBERTa's numbering
# leaves out.
TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 512,
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}
HELP = "standin, tiny, middle, real (random; made once in .bench/), or a folder with KEY/ in it"


class NoWeights(Exception):
    """There is no such set of weights; the text is one line for who asked for it."""


def folders(choice: str) -> dict[str, Path]:
    """Each model's checkpoint folder, for what `--weights` says (see HELP). Raises NoWeights."""
    if choice in SIZES:
        return random_folders(choice)
    root = ROOT / "models" if choice == STAND_IN else Path(choice)
    found = find(root)
    if found is None:
        raise NoWeights(f"{root} lacks a model; --weights is {HELP}")
    return found


def find(root: Path) -> dict[str, Path] | None:
    """Each model's folder under `root` (`KEY/standin` or `KEY`), or None if one is missing."""
    found = {}
    for key in KEYS:
        places = (root / key / STAND_IN, root / key)
        folder = next((f for f in places if (f / "model.safetensors").is_file()), None)
        if folder is None:
            return None
        found[key] = folder.resolve()
    return found


def random_folders(size: str, cache: Path = CACHE) -> dict[str, Path]:
    """Random weights of one of SIZES; made when the cache has none, or others."""
    root = cache / size
    stamp = root / "stamp.json"
    wanted = json.dumps({"recipe": RECIPE, **asdict(SIZES[size])}, sort_keys=True)
    if not stamp.is_file() or stamp.read_text() != wanted:
        from benchmarks.random_weights import write_all  # seconds, for torch

        print(f"making random weights of {size} size in {root}", file=sys.stderr, flush=True)
        shutil.rmtree(root, ignore_errors=True)
        write_all(root, SIZES[size])
        # Last, so that an interrupted run starts over.
        stamp.write_text(wanted)
    return {key: root / key for key in KEYS}


def for_transformers_4(source: Path, target: Path) -> None:
    """A model saved by transformers 5 in a form that transformers 4.41 loads, unchanged.

    The weights are linked, not copied. tokenizers before 0.20 reads a merge as `"a b"`, not as
    `["a", "b"]`; the tokenizer's class name may be new, so the generic one, which takes everything
    from tokenizer.json, stands in.
    """
    target.mkdir(parents=True)
    (target / "model.safetensors").symlink_to((source / "model.safetensors").resolve())
    config = json.loads((source / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype", config.get("torch_dtype", "float32"))
    _write_json(target / "config.json", config)
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    merges = tokenizer["model"].get("merges")
    if merges and isinstance(merges[0], list):
        tokenizer["model"]["merges"] = [" ".join(pair) for pair in merges]
    _write_json(target / "tokenizer.json", tokenizer)
    _write_json(target / "tokenizer_config.json", TOKENIZER)


def token_counts(folder: Path, texts: list[str]) -> list[int]:
    """Tokens of each text, special ones included, by the tokenizer in `folder`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]


def token_ends(folder: Path) -> Callable[[str], list[int]]:
    """Where each of a text's tokens ends, special ones left out, by the tokenizer in `folder`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return lambda text: [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False))
