"""A trained classifier as a folder that any Hugging Face server loads."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chorus.training.byte_level import NO_LIMIT


def name_labels(model: Any, names: Sequence[str]) -> None:
    """Write the labels, in the order of the model's outputs, into its configuration."""
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    model.config.problem_type = "single_label_classification"


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write both; the weights as safetensors that every user may read."""
    model.save_pretrained(folder)
    # safetensors lets only the owner read, and a server often runs as another user.
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)
    # How batches were cut and padded here would otherwise be written down for every later reader.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def slim(folder: Path) -> None:
    """Rewrite tokenizer.json without white space, and drop a length limit that says no limit."""
    vocabulary = folder / "tokenizer.json"
    content = json.loads(vocabulary.read_text(encoding="utf-8"))
    compact = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    vocabulary.write_text(compact + "\n", encoding="utf-8")

    settings = folder / "tokenizer_config.json"
    content = json.loads(settings.read_text(encoding="utf-8"))
    if content["model_max_length"] > NO_LIMIT / 10:
        del content["model_max_length"]
    settings.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
