"""What is trained, the engine serves: packed, and with the answers of the checkpoint itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.chorus.train.conftest import FAST, WORDS, Place
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mlserver_chorus.engine.forward_packed import PackedForward
from mlserver_chorus.engine.loading import load_classifier

TEXTS = ["a lamp of ice", "größe 📏 and mile", "", "a wall of fire | fire and wall"]


@pytest.mark.parametrize("base", ["", "jy46604790", "ivanlau"])
def test_the_engine_serves_it_exactly(place: Place, table: Path, base: str) -> None:
    folder = Path(__file__).parents[3] / "models" / base / "standin"
    options = ("--base", str(folder)) if base else ()
    assert place.train(table, *FAST, "--epochs", "2", *options).code == 0

    weights = place.models / "things" / "weights"
    model = load_classifier("things", weights, "cpu")
    assert model.labels == tuple(sorted(WORDS))
    assert isinstance(model.forward, PackedForward)
    ours = torch.as_tensor(model.forward(model.forward.collate(model.tokenizer.encode(TEXTS))))
    tokenizer = AutoTokenizer.from_pretrained(weights)
    stock = AutoModelForSequenceClassification.from_pretrained(weights).eval()
    with torch.inference_mode():
        theirs = stock(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
    assert torch.allclose(ours, theirs, atol=1e-4)
