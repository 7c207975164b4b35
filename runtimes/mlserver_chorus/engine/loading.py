"""Stage zero: a checkpoint folder to a Model, whole and exact or not at all."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Before torch: its threads wait for each other between two operations of a wide model by spinning,
# for waking up costs a sixth of such an operation, but not longer: the cores are needed elsewhere.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from . import exactness, graphs, metrics, threads, warmup
from .errors import LoadError
from .forward import PaddedForward
from .forward_packed import NotPackable, PackedForward
from .reasons import reason
from .scores import default_activation
from .tokenization import Tokenizer
from .types import Model, TextEncoder

logger = logging.getLogger("mlserver.chorus")

transformers_logging.disable_progress_bar()  # the log is not a terminal
transformers_logging.disable_default_handler()  # and there is one of it, a line for each event
transformers_logging.enable_propagation()

# For models that state no limit at all; the longest that one text may cost.
_UNSTATED_LIMIT = 4096
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
# transformers makes an empty tokenizer where it finds none of these, and says nothing.
_TOKENIZERS = ("tokenizer.json", "*.model", "vocab.json", "vocab.txt")


def load_classifier(
    name: str,
    folder: Path,
    device: str,
    *,
    tokenizers: Sequence[TextEncoder] = (),
    origin: Mapping[str, str] | None = None,
    max_rows: int = 256,
    max_wait: float = 30.0,
) -> Model:
    """Load a sequence classifier in fp32 from a local folder; no code of the folder's is run.

    A tokenizer among `tokenizers` that behaves like the model's own is used in its place.
    Raises LoadError, in words that a caller may see, when anything is missing or broken.
    """
    target = device_of(device)
    _check_files(name, folder)
    try:
        config = _config(folder)
        backend = AutoTokenizer.from_pretrained(
            folder, config=config, local_files_only=True, trust_remote_code=False
        )
        module = _module(name, folder, config).to(target).eval()
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(f"model {name} cannot be loaded: {reason(error)}") from error
    if len(backend) > config.vocab_size:
        raise LoadError(
            f"model {name}: its tokenizer knows {len(backend)} tokens, its weights "
            f"{config.vocab_size}; they do not belong together"
        )
    pad_id = _pad_id(config, backend)
    own = Tokenizer(
        backend.backend_tokenizer,
        token_limit(module, config, backend),
        pad_id,
        type_ids="token_type_ids" in backend.model_input_names,
    )
    tokenizer = next((t for t in tokenizers if own.behaves_like(t)), own)
    labels = tuple(config.id2label[i] for i in range(config.num_labels))
    activation = default_activation(config.problem_type, len(labels))
    stock = PaddedForward(module, target, pad_id)
    forward = _fastest_exact(name, stock, module, target, tokenizer, activation)
    used = warmup.choose_threads(forward, tokenizer)
    full = warmup.full_batch(forward, tokenizer)
    logger.info(
        "%s: %d of %d threads, full batches from %d tokens", name, used, threads.MOST, full.tokens
    )
    if isinstance(forward, PackedForward):
        graphs.record(forward, full.tokens, tokenizer)
    return Model(
        name=name,
        labels=labels,
        activation=activation,
        tokenizer=tokenizer,
        forward=forward,
        batch_tokens=full.tokens,
        tokens_per_second=full.per_second,
        max_rows=max_rows,
        max_wait=max_wait,
        origin=origin or {},
    )


def _fastest_exact(
    name: str,
    stock: PaddedForward,
    module: Any,
    device: torch.device,
    tokenizer: TextEncoder,
    activation: str,
) -> PackedForward | PaddedForward:
    """The packed forward if the module is of its family and gives the stock one's answers."""
    try:
        packed = PackedForward.of(module, device)
    except NotPackable:
        return stock
    probes = tokenizer.encode(exactness.PROBES)
    ours, theirs = packed(packed.collate(probes)), stock(stock.collate(probes))
    difference = exactness.difference(ours, theirs, activation)
    if difference <= exactness.TOLERANCE:
        return packed
    logger.warning(
        "chorus: %s: the packed forward differs from the stock one by %.1e; serving the stock one",
        name,
        difference,
    )
    metrics.FALLBACKS.labels(name).inc()
    return stock


def device_of(name: str) -> torch.device:
    """The device, with exact fp32 arithmetic; LoadError when this machine has no such device."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise LoadError(f"device {name} is asked for, and this machine has no such GPU")
    return device


def _check_files(name: str, folder: Path) -> None:
    if not folder.is_dir():
        raise LoadError(f"model {name}: no checkpoint folder at {folder}")
    if not (folder / "config.json").is_file():
        raise LoadError(f"model {name}: {folder} has no config.json")
    for what, patterns in (("weights", _WEIGHTS), ("tokenizer", _TOKENIZERS)):
        if not any(path for pattern in patterns for path in folder.glob(pattern)):
            raise LoadError(f"model {name}: {folder} has no {what} ({' or '.join(patterns)})")


def _config(folder: Path) -> Any:
    """The configuration; `label2id` is left out, for some checkpoints carry null or strings there.

    `id2label` says the same, and is what answers are made from.
    """
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values.pop("label2id", None)
    return AutoConfig.for_model(values.pop("model_type"), **values)


def _module(name: str, folder: Path, config: Any) -> Any:
    """The model in fp32; LoadError unless every weight is there.

    Weights come from safetensors, or from a .bin read as tensors only, never as code.
    """
    module, info = AutoModelForSequenceClassification.from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=False,
        weights_only=True,
        output_loading_info=True,
    )
    missing = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
    if missing:
        raise LoadError(
            f"model {name}: {len(missing)} weights are missing or of the wrong shape, "
            f"the first is {missing[0]}"
        )
    return module


def _pad_id(config: Any, tokenizer: Any) -> int:
    for candidate in (config.pad_token_id, tokenizer.pad_token_id):
        if candidate is not None:
            return int(candidate)
    return 0


def token_limit(module: Any, config: Any, tokenizer: Any) -> int:
    """Most tokens of a text: the tokenizer's limit and the position table's, whichever is less.

    RoBERTa's table counts positions from its padding id + 1, so that many rows are unusable.
    """
    positions = getattr(config, "max_position_embeddings", None) or _UNSTATED_LIMIT
    for name, table in module.named_modules():
        if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None:
            positions = table.num_embeddings - table.padding_idx - 1
    return int(min(tokenizer.model_max_length, positions))
