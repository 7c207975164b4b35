"""Limits of the families of models, read from their configurations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mlserver_chorus.pipelines.own import limits

UNLIMITED = int(1e30)


def tiny(architecture: str, **fields: Any) -> Any:
    import transformers

    family = getattr(transformers, architecture)
    return family(family.config_class(vocab_size=10, **fields))


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    small = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 8,
    }
    t5 = {"d_model": 8, "d_ff": 8, "d_kv": 4, "num_layers": 1, "num_heads": 1}
    led = {
        "d_model": 8,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 1,
        "decoder_attention_heads": 1,
        "attention_window": 4,
    }
    return {
        "bert": tiny("BertModel", max_position_embeddings=20, **small),
        "roberta": tiny("RobertaModel", max_position_embeddings=20, pad_token_id=1, **small),
        "t5": tiny("T5ForConditionalGeneration", **t5),
        "led": tiny(
            "LEDForConditionalGeneration",
            max_encoder_position_embeddings=48,
            max_decoder_position_embeddings=12,
            **led,
        ),
    }


@pytest.mark.parametrize(
    ("model", "stated", "readable", "comfortable", "writable"),
    [
        ("bert", UNLIMITED, 20, 20, 20),
        ("bert", 12, 20, 12, 20),
        ("bert", 512, 20, 20, 20),
        ("roberta", UNLIMITED, 18, 18, 18),
        ("t5", UNLIMITED, 4096, 4096, 4096),
        ("t5", 512, 4096, 512, 4096),
        ("t5", 16384, 16384, 16384, 4096),
        ("led", UNLIMITED, 48, 48, 12),
    ],
)
def test_the_least_limit_counts(
    models: dict[str, Any], model: str, stated: int, readable: int, comfortable: int, writable: int
) -> None:
    tokenizer = SimpleNamespace(model_max_length=stated)
    assert limits.readable(models[model], tokenizer) == readable
    assert limits.comfortable(models[model], tokenizer) == comfortable
    assert limits.writable(models[model]) == writable
