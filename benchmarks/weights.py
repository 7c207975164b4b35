"""The five folders of weights that every peer serves: found, made at random, or converted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.answers import KEYS
from benchmarks.texts import challenge_texts, short_texts

VOCABULARY = 6000
LABELS = {"cardiffnlp": 3, "ivanlau": 45, "svalabs": 2, "EIStakovskii": 2, "jy46604790": 2}
SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# Chosen so that a short text has about 20 tokens, as it has with the real tokenizers.
BEGINNING, MERGED = 4, 1000
SPECIAL = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}


def find(root: Path) -> dict[str, Path] | None:
    """Each model's folder under `root` (`KEY/standin` or `KEY`), or None if one is missing."""
    found = {}
    for key in KEYS:
        folders = (root / key / "standin", root / key)
        folder = next((f for f in folders if (f / "model.safetensors").is_file()), None)
        if folder is None:
            return None
        found[key] = folder.resolve()
    return found


def make_random(root: Path, seed: int = 0) -> dict[str, Path]:
    """Models of the stand-ins' size with random weights: four XLM-R, one RoBERTa."""
    import torch
    from transformers import (
        RobertaConfig,
        RobertaForSequenceClassification,
        XLMRobertaConfig,
        XLMRobertaForSequenceClassification,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    for key in KEYS:
        folder = root / key
        folder.mkdir(parents=True)
        roberta = key == "jy46604790"
        tokenizer = _byte_level() if roberta else _unigram()
        tokenizer.save(str(folder / "tokenizer.json"))
        _write_json(folder / "tokenizer_config.json", _tokenizer_config())
        config = (RobertaConfig if roberta else XLMRobertaConfig)(
            vocab_size=VOCABULARY,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            # Wide enough that texts differ in label and score, so that mixed-up answers show.
            initializer_range=0.2,
            num_labels=LABELS[key],
        )
        model_class = (
            RobertaForSequenceClassification if roberta else XLMRobertaForSequenceClassification
        )
        model_class(config).eval().save_pretrained(folder)
    return {key: root / key for key in KEYS}


def for_transformers_4(source: Path, target: Path) -> None:
    """Copy a model saved by transformers 5 in a form that transformers 4.41 loads, unchanged.

    tokenizers before 0.20 reads a merge as `"a b"`, not as `["a", "b"]`; the tokenizer's class
    name may be new, so the generic one, which takes everything from tokenizer.json, stands in.
    """
    target.mkdir(parents=True)
    shutil.copyfile(source / "model.safetensors", target / "model.safetensors")
    config = json.loads((source / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype", config.get("torch_dtype", "float32"))
    _write_json(target / "config.json", config)
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    merges = tokenizer["model"].get("merges")
    if merges and isinstance(merges[0], list):
        tokenizer["model"]["merges"] = [" ".join(pair) for pair in merges]
    _write_json(target / "tokenizer.json", tokenizer)
    _write_json(target / "tokenizer_config.json", _tokenizer_config())


def token_counts(folder: Path, texts: list[str]) -> list[int]:
    """Tokens of each text, special ones included, by the tokenizer in `folder`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]


def _tokenizer_config() -> dict[str, Any]:
    # 512 = 514 positions less the two that RoBERTa's numbering leaves out.
    return {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **SPECIAL}


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False))


def _unigram() -> Any:
    """A unigram vocabulary of the corpus's word beginnings, endings and characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = sorted({word for text in _corpus() for word in text.split()})
    beginnings = {"▁" + word[:BEGINNING] for word in words}
    endings = {word[BEGINNING:] for word in words}
    characters = {"▁", *(character for word in words for character in word)}
    # The better score goes to the longer piece, so the fewest pieces win.
    pieces = dict.fromkeys(sorted(characters), -12.0)
    pieces |= dict.fromkeys(sorted(endings - {""}), -9.0)
    pieces |= dict.fromkeys(sorted(beginnings), -8.0)
    vocabulary = [(token, 0.0) for token in SPECIAL_TOKENS] + list(pieces.items())
    tokenizer = Tokenizer(models.Unigram(vocabulary[:VOCABULARY], unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _byte_level() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        _corpus(),
        trainers.BpeTrainer(
            vocab_size=MERGED,
            special_tokens=SPECIAL_TOKENS,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def _corpus() -> list[str]:
    return short_texts(2000, seed=1) + challenge_texts(200, seed=1)
