"""Our stand-ins as mlserver-huggingface 1.7.1 serves them: with transformers 4.41, in its words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.stack.conftest import ROOT

TASKS = (
    "text-classification",
    "zero-shot-classification",
    "token-classification",
    "text-generation",
    "object-detection",
)
RUNTIME = "mlserver_huggingface.HuggingFaceRuntime"


def write_models(root: Path) -> None:
    """A folder of models for `mlserver start`, one for each of TASKS."""
    for task in TASKS:
        weights = root / task / "weights"
        for_transformers_4(ROOT / "models" / "tasks" / task / "standin", weights)
        # By `uri`: as `pretrained_model` the folder would be taken for a tokenizer's, too, and
        # object detection would believe that it has one.
        extra = {"task": task, "framework": "pt", "device": -1}
        parameters = {"uri": str(weights), "extra": extra}
        settings = {"name": task, "implementation": RUNTIME, "parameters": parameters}
        _write(root / task / "model-settings.json", settings)


def for_transformers_4(source: Path, target: Path) -> None:
    """Copy a checkpoint that transformers 5 wrote into one that 4.41 loads; the weights are same.

    4.41 says `torch_dtype` for `dtype`, must be told that a backbone is no timm one, and its
    tokenizers read a merge as `"a b"`, not as `["a", "b"]`.
    """
    shutil.copytree(source, target)
    config = _read(target / "config.json")
    config["torch_dtype"] = config.pop("dtype")
    if "backbone_config" in config:
        config |= {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
    _write(target / "config.json", config)
    if (target / "tokenizer.json").is_file():
        _rewrite_tokenizer(target)


def _rewrite_tokenizer(folder: Path) -> None:
    tokenizer = _read(folder / "tokenizer.json")
    merges = tokenizer["model"].get("merges")
    if merges:
        tokenizer["model"]["merges"] = [" ".join(pair) for pair in merges]
    _write(folder / "tokenizer.json", tokenizer)
    settings = _read(folder / "tokenizer_config.json")
    kept = {name: settings[name] for name in settings if name.endswith("_token")}
    kept["model_max_length"] = settings["model_max_length"]
    kept["model_input_names"] = ["input_ids", "attention_mask"]
    _write(folder / "tokenizer_config.json", kept | {"tokenizer_class": "PreTrainedTokenizerFast"})


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False))
