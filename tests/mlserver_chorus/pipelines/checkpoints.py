"""Tiny seeded checkpoints, one maker per architecture, written where a test wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
_WORDS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?:'<>{}/-_"


def _words(folder: Path) -> Any:
    """A WordPiece tokenizer of single characters."""
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = [*specials, *_WORDS, *(f"##{c}" for c in _WORDS)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=128)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _bert(folder: Path, family: str, **config: Any) -> Path:
    import torch
    import transformers

    tokenizer = _words(folder)
    torch.manual_seed(7)
    model = getattr(transformers, family)(
        transformers.BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=128,
            initializer_range=0.5,  # or a random model gives everything the same score
            **config,
        )
    )
    model.save_pretrained(folder)
    return folder


def classifier(folder: Path) -> Path:
    return _bert(
        folder, "BertForSequenceClassification", id2label={0: "BAD", 1: "GOOD", 2: "NEITHER"}
    )


def entailment(folder: Path) -> Path:
    return _bert(
        folder,
        "BertForSequenceClassification",
        id2label={0: "contradiction", 1: "neutral", 2: "entailment"},
        label2id={"contradiction": 0, "neutral": 1, "entailment": 2},
    )


def tagger(folder: Path) -> Path:
    return _bert(folder, "BertForTokenClassification", id2label={0: "O", 1: "B-X", 2: "I-X"})


def mask_filler(folder: Path) -> Path:
    return _bert(folder, "BertForMaskedLM")


def generator(folder: Path) -> Path:
    """A GPT-2 on bytes with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: index for index, token in enumerate([*alphabet, "<end>"])}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<end>", bos_token="<end>", model_max_length=1024
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = GPT2Config(
        vocab_size=len(vocab),
        n_positions=1024,
        n_embd=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.5,
        bos_token_id=vocab["<end>"],
        eos_token_id=vocab["<end>"],
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def image_classifier(folder: Path) -> Path:
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

    torch.manual_seed(7)
    config = ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.5,
        id2label={0: "cat", 1: "dog", 2: "table"},
    )
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def audio_classifier(folder: Path) -> Path:
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForSequenceClassification,
    )

    torch.manual_seed(7)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16, 16),
        conv_stride=(5, 4),
        conv_kernel=(10, 8),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        mask_time_length=2,
        classifier_proj_size=16,
        id2label={0: "yes", 1: "no"},
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=16000).save_pretrained(folder)
    return folder
