"""Checkpoints with the true architecture and random weights, so that speed needs no download."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from benchmarks.shapes import LABELS, ROBERTA, Size
from benchmarks.texts import challenge_texts
from benchmarks.vocabulary import byte_level, unigram
from benchmarks.weights import TOKENIZER

POSITIONS = 514
# Queries and keys are drawn wider than the rest: attention that picks tokens makes texts differ.
GAIN, ATTENTION_GAIN = 1.0, 2.0
# Standard deviation of the logits over texts: labels differ, and few scores are close to 0 or 1.
LOGIT_SPREAD = 1.5
CALIBRATION_TEXTS = 16


def write_all(root: Path, size: Size, seed: int = 0) -> None:
    """One checkpoint folder per model below `root`; `seed` decides every weight."""
    tokenizers = {True: byte_level(size.roberta_tokens), False: unigram(size.xlmr_tokens)}
    for number, key in enumerate(LABELS):
        folder = root / key
        folder.mkdir(parents=True)
        tokenizer = tokenizers[key == ROBERTA]
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
        module = _random_module(key, size, seed + number)
        _calibrate(module, tokenizer)
        module.config.save_pretrained(folder)
        save_file(module.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})


def _random_module(key: str, size: Size, seed: int) -> Any:
    roberta = key == ROBERTA
    config = (RobertaConfig if roberta else XLMRobertaConfig)(
        vocab_size=size.roberta_tokens if roberta else size.xlmr_tokens,
        hidden_size=size.shape.hidden,
        num_hidden_layers=size.shape.layers,
        num_attention_heads=size.shape.heads,
        intermediate_size=size.shape.intermediate,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_act="gelu",
        id2label=dict(enumerate(LABELS[key])),
        label2id={label: number for number, label in enumerate(LABELS[key])},
        dtype="float32",
    )
    kind = RobertaForSequenceClassification if roberta else XLMRobertaForSequenceClassification
    config.architectures = [kind.__name__]
    # Drawn once: without this detour the library would draw every weight first.
    with torch.device("meta"):
        module = kind(config)
    module.to_empty(device="cpu").eval()
    embeddings = module.base_model.embeddings
    embeddings.position_ids.copy_(torch.arange(POSITIONS).expand(1, -1))
    embeddings.token_type_ids.zero_()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            _fill(name, parameter, generator)
    return module


def _fill(name: str, parameter: Tensor, generator: torch.Generator) -> None:
    if "LayerNorm" in name:
        parameter.fill_(1.0 if name.endswith("weight") else 0.0)
    elif "embeddings" in name or parameter.ndim == 1:
        parameter.normal_(0.0, 0.1, generator=generator)
    else:
        gain = ATTENTION_GAIN if ".query." in name or ".key." in name else GAIN
        parameter.normal_(0.0, gain * parameter.shape[1] ** -0.5, generator=generator)


@torch.inference_mode()
def _calibrate(module: Any, tokenizer: Any) -> None:
    """Centre and scale the last layer's logits: random ones are the same label for every text."""
    texts = islice(filter(None, challenge_texts(2 * CALIBRATION_TEXTS)), CALIBRATION_TEXTS)
    encoded = [torch.tensor([tokenizer.encode(text).ids]) for text in texts]
    logits = torch.cat([module(input_ids=ids).logits for ids in encoded])
    last = module.classifier.out_proj
    scale = LOGIT_SPREAD / logits.std(0)
    last.weight.mul_(scale.unsqueeze(1))
    last.bias.sub_(logits.mean(0)).mul_(scale)
