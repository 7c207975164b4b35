"""Tiny checkpoints in the shapes that the real models come in, made on the spot."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
CORPUS = (
    "hello world, this is a test",
    "I love you",
    "спасибо большое",
    "你好世界",
    "free coins 👍",
)

MakeCheckpoint = Callable[..., Path]


@functools.cache
def _trained(corpus: tuple[str, ...]) -> str:
    """A Unigram tokenizer's state; trained once, for equal pieces come in any order."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIALS[:4], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(corpus * 20, trainer)
    return str(tokenizer.to_str())


def unigram_tokenizer(corpus: tuple[str, ...] = CORPUS, mask: Any = "<mask>") -> Any:
    """An XLM-R style tokenizer trained on the corpus."""
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_str(_trained(corpus))
    tokenizer.add_special_tokens([mask])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> MakeCheckpoint:
    """Write a random two-layer classifier; keyword arguments replace lines of its config.json."""

    def make(name: str = "checkpoint", *, weights: str = "safetensors", **config: Any) -> Path:
        import torch
        from transformers import AutoConfig, AutoModelForSequenceClassification

        folder = tmp_path / name
        folder.mkdir()
        tokenizer = unigram_tokenizer()
        tokenizer.save(str(folder / "tokenizer.json"))
        names = dict(zip(("bos", "pad", "eos", "unk", "mask"), SPECIALS, strict=True))
        limit = config.pop("model_max_length", 512)
        settings = {
            "tokenizer_class": "XLMRobertaTokenizer",
            **{f"{kind}_token": token for kind, token in names.items()},
            **({"model_max_length": limit} if limit else {}),
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        values = {
            "model_type": "xlm-roberta",
            "architectures": ["XLMRobertaForSequenceClassification"],
            "vocab_size": tokenizer.get_vocab_size(),
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "layer_norm_eps": 1e-5,
            "id2label": {"0": "HAM", "1": "SPAM"},
            **config,
        }
        usable = {key: value for key, value in values.items() if key != "label2id"}
        torch.manual_seed(3)
        module = AutoModelForSequenceClassification.from_config(
            AutoConfig.for_model(usable.pop("model_type"), **usable)
        )
        module.save_pretrained(folder)
        if weights == "bin":
            torch.save(module.state_dict(), folder / "pytorch_model.bin")
            (folder / "model.safetensors").unlink()
        (folder / "config.json").write_text(json.dumps(values))
        return folder

    return make
