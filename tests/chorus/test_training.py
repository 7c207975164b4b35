"""Training is repeatable, its checkpoint loads, and wrong input is named."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, RobertaConfig

from chorus.training.averaging import averaging_classifier
from chorus.training.byte_level import byte_level
from chorus.training.recipe import Recipe
from chorus.training.train import Report, train

NAMES = ("cold", "warm")
COLD = [f"{thing} made of {stuff}" for thing in ("a lamp", "a house") for stuff in ("ice", "snow")]
WARM = [f"{thing} made of {stuff}" for thing in ("a lamp", "a house") for stuff in ("fire", "sun")]
TEXTS = (COLD + WARM) * 4
LABELS = (["cold"] * len(COLD) + ["warm"] * len(WARM)) * 4


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A model this small only waits for more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def shout(text: str, rng: Random) -> str:
    return text.upper() if rng.random() < 0.3 else text


def run(folder: Path, seed: int = 1, **changes: Any) -> Report:
    tokenizer = byte_level(TEXTS, 2500)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
    )
    arguments: dict[str, Any] = {
        "texts": TEXTS,
        "labels": LABELS,
        "names": NAMES,
        "model": averaging_classifier(config, seed),
        "tokenizer": tokenizer,
        "folder": folder,
        "seed": seed,
        "recipe": Recipe(epochs=12, batch_size=8, learning_rate=1e-2, max_length=64, held_out=0.25),
        "augment": shout,
    }
    return train(**arguments | changes)


def logits(folder: Path) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        answer: torch.Tensor = model(
            **tokenizer(TEXTS[:8], padding=True, return_tensors="pt")
        ).logits
    return answer


def test_one_seed_writes_the_same_bytes_and_they_reload_to_the_same_logits(tmp_path: Path) -> None:
    reports = [run(tmp_path / name) for name in ("first", "second")]

    assert reports[0] == reports[1]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "second")]
    assert weights[0] == weights[1]
    assert torch.equal(logits(tmp_path / "first"), logits(tmp_path / "second"))


def test_another_seed_writes_other_weights(tmp_path: Path) -> None:
    run(tmp_path / "first", seed=1)
    run(tmp_path / "second", seed=2)

    assert not torch.equal(logits(tmp_path / "first"), logits(tmp_path / "second"))


def test_it_learns_and_writes_the_names_of_the_labels(tmp_path: Path) -> None:
    report = run(tmp_path)

    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert model.config.id2label == {0: "cold", 1: "warm"}
    told = [NAMES[number] for number in logits(tmp_path).argmax(-1).tolist()]
    assert told == LABELS[:8]
    assert report.scores.rows == 2
    assert report.trained == len(TEXTS) - 2 * 4
    assert set(report.scores.recall) == set(NAMES)


def test_the_callers_torch_is_left_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(tmp_path)

    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(3), expected)


def test_a_label_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\['warm'\] are none of \['cold', 'hot'\]"):
        run(tmp_path, names=["cold", "hot"])


def test_names_and_outputs_must_be_as_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 names for a model of 2 outputs"):
        run(tmp_path, names=[*NAMES, "hot"])


def test_no_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no texts to train on"):
        run(tmp_path, texts=[], labels=[])
