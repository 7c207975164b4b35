"""A checkpoint to start from: a folder, or a repository on the hub, pinned as by `chorus pull`."""

import json
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from chorus.errors import UsageError
from chorus.fetch_progress import FetchProgress
from chorus.training.start import Start
from chorus_weights import source, verify
from chorus_weights.pull import pull

_UNSTATED_LIMIT = 4096  # of models that state none at all
# Of an encoder without a head, some checkpoints leave this out; it is trained with the head.
_HEAD_OF_THE_ENCODER = ".pooler."
# transformers makes an empty tokenizer where it finds none of these, and says nothing.
_TOKENIZERS = ("tokenizer.json", "*.model", "vocab.json", "vocab.txt")


def fetch(base: str, lock: Path, console: Console) -> tuple[Path, str]:
    """The checkpoint folder and what to call it in public, fetched and pinned if it is on the hub.

    Raises WeightsError.
    """
    repository = source.of_name(base, Path.cwd())
    if repository is None:
        folder = Path(base)
        verify.check(folder)
        return folder, folder.resolve().name
    with FetchProgress(console) as shown:
        (pulled,) = pull([repository], lock, planned=shown.planned, told=shown.told)
    verify.check(pulled.folder, pulled.model)
    return pulled.folder, f"{repository.name}@{pulled.model.revision}"


def start(folder: Path, origin: str, labels: int, seed: int) -> Start:
    """The checkpoint with a head for so many labels; no code of the folder's is run.

    Raises UsageError when it cannot be a text classifier.
    """
    if not any(path for pattern in _TOKENIZERS for path in folder.glob(pattern)):
        raise UsageError(f"--base {origin} has no tokenizer ({' or '.join(_TOKENIZERS)})")
    try:
        config = _config(folder, labels)
        tokenizer = AutoTokenizer.from_pretrained(
            folder, config=config, local_files_only=True, trust_remote_code=False
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # of the new head
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # whatever a broken checkpoint makes its loaders raise
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        reason = said.replace(str(folder), origin)
        raise UsageError(f"--base {origin} cannot be trained on: {reason}") from None
    _require_whole(model, info, origin)
    _require_tokenizer(model, tokenizer, origin)
    return Start(model, tokenizer, _limit(model, tokenizer), origin)


def _config(folder: Path, labels: int) -> Any:
    """Its configuration with so many labels; what it called its own is left out."""
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for name in ("label2id", "id2label", "num_labels", "problem_type"):
        values.pop(name, None)
    return AutoConfig.for_model(values.pop("model_type"), num_labels=labels, **values)


def _require_whole(model: Any, info: dict[str, Any], origin: str) -> None:
    """Refuse a checkpoint that lacks more than the head."""
    body = f"{model.base_model_prefix}."
    lacking = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    lacking = {key for key in lacking if key.startswith(body) and _HEAD_OF_THE_ENCODER not in key}
    if lacking:
        raise UsageError(
            f"--base {origin} cannot be trained on: {len(lacking)} weights are missing or of the "
            f"wrong shape, the first is {min(lacking)}"
        )


def _require_tokenizer(model: Any, tokenizer: Any, origin: str) -> None:
    if not tokenizer.is_fast:
        raise UsageError(f"--base {origin} has no tokenizer.json; choose one that has")
    if len(tokenizer) > model.config.get_text_config().vocab_size:
        raise UsageError(f"--base {origin}: its tokenizer knows more tokens than its weights")
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise UsageError(f"--base {origin}: its tokenizer has no padding token")
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id


def _limit(model: Any, tokenizer: Any) -> int:
    """Most tokens of a text: the tokenizer's limit and the position table's, whichever is less.

    RoBERTa's table counts positions from its padding id + 1, so that many rows are unusable.
    """
    positions = getattr(model.config, "max_position_embeddings", None) or _UNSTATED_LIMIT
    for name, module in model.named_modules():
        if (
            name.endswith("position_embeddings")
            and getattr(module, "padding_idx", None) is not None
        ):
            positions = module.num_embeddings - module.padding_idx - 1
    return int(min(tokenizer.model_max_length, positions))
