"""Tiny seeded checkpoints for every task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .checkpoints import (
    IMAGE,
    SMALL,
    TEMPLATE,
    VOCABULARY,
    add_tied_weights,
    add_to_config,
    save_image_processor,
    save_m2m,
    save_mbart,
    save_tokenizer,
)

MakeModel = Callable[..., Path]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Write random weights of a transformers class; the configuration's fields are keywords."""

    def make(architecture: str, config: Any = None, *, scale: float = 1.0, **fields: Any) -> Path:
        import torch
        import transformers

        torch.manual_seed(11)
        family = getattr(transformers, architecture)
        module = family(config or family.config_class(vocab_size=len(VOCABULARY), **fields))
        with torch.no_grad():  # so that probabilities differ enough to tell answers apart
            for weights in module.parameters():
                weights.mul_(scale)
        folder = tmp_path_factory.mktemp(architecture)
        module.save_pretrained(folder)
        add_tied_weights(module, folder / "model.safetensors")
        (folder / "generation_config.json").unlink(missing_ok=True)
        return folder

    return make


@pytest.fixture(scope="session")
def question_answering(make_model: MakeModel) -> Path:
    folder = make_model(
        "BertForQuestionAnswering", scale=8.0, max_position_embeddings=64, pad_token_id=0, **SMALL
    )
    save_tokenizer(folder, model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    return folder


@pytest.fixture(scope="session")
def t5(make_model: MakeModel) -> Path:
    folder = make_model(
        "T5ForConditionalGeneration",
        scale=1.5,
        d_model=16,
        d_ff=32,
        d_kv=8,
        num_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=5,
        decoder_start_token_id=0,
    )
    save_tokenizer(folder, single="$A [EOS]")
    add_to_config(
        folder,
        task_specific_params={
            "summarization": {
                "prefix": "the : ",
                "max_length": 30,
                "min_length": 8,
                "num_beams": 2,
            },
            "translation_en_to_de": {"prefix": "en de : ", "max_length": 25},
            "translation_en_to_fr": {"prefix": "en fr : ", "max_length": 25, "num_beams": 3},
        },
    )
    return folder


@pytest.fixture(scope="session")
def bart(make_model: MakeModel) -> Path:
    folder = make_model(
        "BartForConditionalGeneration",
        scale=4.0,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=40,
        pad_token_id=0,
        bos_token_id=4,
        eos_token_id=5,
        decoder_start_token_id=5,
        forced_eos_token_id=None,
    )
    save_tokenizer(folder, single="$A [EOS]")
    return folder


@pytest.fixture(scope="session")
def captioner(make_model: MakeModel) -> Path:
    from transformers import GPT2Config, VisionEncoderDecoderConfig, ViTConfig

    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        ViTConfig(**IMAGE, **SMALL),
        GPT2Config(
            vocab_size=len(VOCABULARY),
            n_positions=32,
            n_embd=16,
            n_layer=2,
            n_head=2,
            bos_token_id=4,
            eos_token_id=5,
            add_cross_attention=True,
            is_decoder=True,
        ),
        decoder_start_token_id=4,
        pad_token_id=0,
        eos_token_id=5,
    )
    folder = make_model("VisionEncoderDecoderModel", config, scale=3.0)
    save_tokenizer(folder)
    save_image_processor(folder)
    return folder


def blip_config() -> Any:
    from transformers import BlipConfig

    tokens = {"bos_token_id": 4, "eos_token_id": 5, "pad_token_id": 0, "sep_token_id": 3}
    text = {"vocab_size": len(VOCABULARY), "encoder_hidden_size": 16, **tokens, **SMALL}
    return BlipConfig(
        text_config={**text, "max_position_embeddings": 48},
        vision_config={**IMAGE, **SMALL, "initializer_range": 0.1},
    )


@pytest.fixture(scope="session")
def blip(make_model: MakeModel) -> Path:
    folder = make_model("BlipForConditionalGeneration", blip_config(), scale=3.0)
    save_tokenizer(folder)
    save_image_processor(folder, "BlipImageProcessor")
    return folder


@pytest.fixture(scope="session")
def blip_answers(make_model: MakeModel) -> Path:
    folder = make_model("BlipForQuestionAnswering", blip_config(), scale=3.0)
    save_tokenizer(folder)
    save_image_processor(folder, "BlipImageProcessor")
    return folder


@pytest.fixture(scope="session")
def git(make_model: MakeModel) -> Path:
    folder = make_model(
        "GitForCausalLM",
        scale=2.0,
        vision_config={**IMAGE, **SMALL},
        max_position_embeddings=48,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        **SMALL,
    )
    save_tokenizer(folder)
    save_image_processor(folder, "CLIPImageProcessor", crop_size={"height": 32, "width": 32})
    return folder


@pytest.fixture(scope="session")
def vilt(make_model: MakeModel) -> Path:
    labels = {index: f"answer {index}" for index in range(7)}
    folder = make_model(
        "ViltForQuestionAnswering",
        scale=4.0,
        max_position_embeddings=20,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
        max_image_length=-1,
        **IMAGE,
        **SMALL,
    )
    save_tokenizer(folder, model_max_length=20)
    save_image_processor(folder, "ViltImageProcessor", size={"shortest_edge": 32}, size_divisor=16)
    return folder


@pytest.fixture(scope="session")
def chat(make_model: MakeModel) -> Path:
    folder = make_model(
        "GPT2LMHeadModel",
        scale=3.0,
        n_positions=64,
        n_embd=16,
        n_layer=2,
        n_head=2,
        bos_token_id=4,
        eos_token_id=5,
    )
    save_tokenizer(folder, single="$A", chat_template=TEMPLATE)
    return folder


@pytest.fixture(scope="session")
def encoder(make_model: MakeModel) -> Path:
    folder = make_model("BertModel", scale=3.0, max_position_embeddings=32, **SMALL)
    save_tokenizer(folder, model_max_length=32)
    return folder


@pytest.fixture(scope="session")
def cross_encoder(make_model: MakeModel) -> Path:
    folder = make_model(
        "BertForSequenceClassification",
        scale=3.0,
        max_position_embeddings=32,
        id2label={0: "LABEL_0"},
        label2id={"LABEL_0": 0},
        **SMALL,
    )
    save_tokenizer(folder, model_max_length=32)
    return folder


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A picture with some structure, larger than the models' input."""
    image = Image.new("RGB", (48, 40))
    image.putdata([(x * 5, y * 6, (x * y) % 256) for y in range(40) for x in range(48)])
    return image


@pytest.fixture(scope="session")
def roberta_answers(make_model: MakeModel) -> Path:
    """Whose class token has the id 0, and whose positions begin behind its padding id."""
    folder = make_model(
        "RobertaForQuestionAnswering",
        scale=8.0,
        max_position_embeddings=70,
        pad_token_id=4,
        type_vocab_size=1,
        **SMALL,
    )
    save_tokenizer(folder, begin="[PAD]", cls_token="[PAD]", pad_token="[BOS]")
    return folder


@pytest.fixture(scope="session")
def m2m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("m2m")
    save_m2m(folder)
    return folder


@pytest.fixture(scope="session")
def mbart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mbart")
    save_mbart(folder)
    return folder
