"""Checkpoints of the true architecture and size with random weights, for `benchmarks.memory`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    GPT2Config,
    GPT2LMHeadModel,
    ResNetConfig,
)
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil

from benchmarks.vocabulary import PRINTABLE, byte_level

BERT_TOKENS, GPT2_TOKENS = 30_522, 50_257
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ENTAILMENT = ("ENTAILMENT", "NEUTRAL", "CONTRADICTION")
ENTITIES = 84  # of d4data/biomedical-ner-all
PAGE = ("table", "table rotated")


def write(name: str, folder: Path) -> None:
    """The checkpoint of that name in MAKERS, whole."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    MAKERS[name](folder)


def _tiny_gpt2(folder: Path) -> None:
    """sshleifer/tiny-gpt2: two layers of width two below a vocabulary of full size."""
    config = GPT2Config(n_embd=2, n_layer=2, n_head=2, vocab_size=GPT2_TOKENS)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer = byte_level(GPT2_TOKENS)
    tokenizer.decoder = decoders.ByteLevel()
    words = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    _save_tokenizer(folder, tokenizer, {**words, "model_max_length": 1024})


def _distilbert_mnli(folder: Path) -> None:
    """typeform/distilbert-base-uncased-mnli."""
    config = DistilBertConfig(vocab_size=BERT_TOKENS, **_numbered(ENTAILMENT))
    DistilBertForSequenceClassification(config).save_pretrained(folder)
    _save_bert_tokenizer(folder)


def _distilbert_ner(folder: Path) -> None:
    """d4data/biomedical-ner-all."""
    labels = [f"B-{number}" for number in range(ENTITIES)]
    config = DistilBertConfig(vocab_size=BERT_TOKENS, **_numbered(labels))
    DistilBertForTokenClassification(config).save_pretrained(folder)
    _save_bert_tokenizer(folder)


def _detr_resnet_50(folder: Path) -> None:
    """TahaDouaji/detr-doc-table-detection, on transformers' own ResNet-50 instead of timm's."""
    backbone = ResNetConfig(
        depths=[3, 4, 6, 3], hidden_sizes=[256, 512, 1024, 2048], out_features=["stage4"]
    )
    config = DetrConfig(backbone_config=backbone, num_queries=100, **_numbered(PAGE))
    DetrForObjectDetection(config).save_pretrained(folder)
    DetrImageProcessorPil(size={"shortest_edge": 800, "longest_edge": 1333}).save_pretrained(folder)


MAKERS = {
    "tiny-gpt2": _tiny_gpt2,
    "distilbert-base-mnli": _distilbert_mnli,
    "distilbert-base-ner": _distilbert_ner,
    "detr-resnet-50": _detr_resnet_50,
}


def _save_bert_tokenizer(folder: Path) -> None:
    known = [*SPECIAL, *PRINTABLE, *(f"##{character}" for character in PRINTABLE)]
    pieces = [*known, *islice(_fillers(), BERT_TOKENS - len(known))]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(list(SPECIAL))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    settings: dict[str, object] = dict(zip(names, SPECIAL, strict=True))
    settings |= {"model_max_length": 512, "model_input_names": ["input_ids", "attention_mask"]}
    _save_tokenizer(folder, tokenizer, settings)


def _fillers() -> Iterator[str]:
    """Endings of three letters and more: what a text's rare words are cut into."""
    for length in (3, 4):
        for letters in product(ascii_lowercase, repeat=length):
            yield "##" + "".join(letters)


def _save_tokenizer(folder: Path, tokenizer: Any, settings: dict[str, object]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _numbered(labels: list[str] | tuple[str, ...]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }
