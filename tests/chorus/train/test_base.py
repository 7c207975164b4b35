"""Fine-tuning: from a folder, and from a hub on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from tests.chorus.train.conftest import STANDIN, Place
from tests.chorus_weights.conftest import standin
from tests.chorus_weights.hub_server import Hub, serving
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from chorus_weights.lock import Lock
from mlserver_chorus.engine.loading import load_classifier

TUNED = ("--epochs", "12", "--learning-rate", "5e-3", "--text", "map", "--max-length", "32")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STANDIN, tmp_path / "base"))


def test_a_folder_is_fine_tuned(place: Place, table: Path, base: Path) -> None:
    options = (*TUNED, "--validation", "0.25", "--base", str(base))
    results = place.train(table, *options, "--json").results

    assert results["accuracy"] >= 0.5
    assert results["base"] == "base"
    assert "--base base" in results["command"]
    weights = place.models / "things" / "weights"
    config = json.loads((weights / "config.json").read_text())
    assert config["architectures"] == ["XLMRobertaForSequenceClassification"]
    assert len(config["id2label"]) == 3
    assert (weights / "tokenizer.json").stat().st_size > 100_000
    files = [path for path in place.models.rglob("*") if path.is_file()]
    assert not any(str(place.root).encode() in path.read_bytes() for path in files)
    before, after = load_file(base / "model.safetensors"), load_file(weights / "model.safetensors")
    body = [name for name in before if name.startswith("roberta.")]
    assert body
    assert all(before[name].shape == after[name].shape for name in body)


def test_a_repository_is_fetched_pinned_and_fine_tuned(
    place: Place, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    with serving(Hub()) as hub:
        commit = hub.put("org/base", standin())
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("/{repo_id}")
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "".join(template[1:])
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(place.root / "cache"))
        results = place.train(table, "--epochs", "1", "--base", "org/base", "--json").results

    assert results["base"] == f"org/base@{commit}"
    locked = Lock.read(place.models / "models.lock").get("org/base")
    assert locked
    assert locked.revision == commit
    card = (place.models / "things" / "README.md").read_text(encoding="utf-8")
    assert "base_model: org/base\n" in card
    assert f"fine-tuned from `org/base@{commit}`" in card


BODY = {
    "vocab_size": 6334,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 40,
}


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("xlm-roberta", {**BODY, "pad_token_id": 1}),
        ("bert", BODY),
        ("distilbert", {"vocab_size": 6334, "dim": 16, "n_heads": 2, "hidden_dim": 16}),
        ("gpt2", {"vocab_size": 6334, "n_embd": 16, "n_layer": 1, "n_head": 2}),
    ],
)
def test_a_language_model_gets_a_head_and_the_engine_loads_it(
    place: Place, table: Path, base: Path, kind: str, sizes: dict[str, int]
) -> None:
    head = AutoModelForCausalLM if kind == "gpt2" else AutoModelForMaskedLM
    model = head.from_config(AutoConfig.for_model(kind, **sizes))
    for name in ("model.safetensors", "config.json"):
        (base / name).unlink()
    model.save_pretrained(base)
    results = place.train(table, "--base", str(base), "--epochs", "1", "--json").results

    assert "--max-length 38" in results["command"] or kind != "xlm-roberta"
    loaded = load_classifier("things", place.models / "things" / "weights", "cpu")
    assert len(loaded.labels) == 3


def without_body(folder: Path) -> None:
    weights: dict[str, Any] = load_file(folder / "model.safetensors")
    del weights["roberta.encoder.layer.1.attention.self.query.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (without_body, "1 weights are missing or of the wrong shape, the first is roberta.encoder"),
        (lambda folder: (folder / "config.json").unlink(), "cannot be trained on"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be trained on"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
        (lambda folder: (folder / "config.json").write_text("{"), "JSON"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "x"}'), "cannot be"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "cannot be trained on"),
        (lambda folder: (folder / "code.py").write_text("1"), "is code"),
    ],
)
def test_a_base_that_cannot_be_trained_on_is_refused_in_one_line(
    place: Place, table: Path, base: Path, harm: Any, reason: str
) -> None:
    harm(base)
    done = place.train(table, "--base", str(base))

    assert done.code in (1, 2), done
    (line,) = done.err.splitlines()
    assert line.startswith("chorus: ")
    assert reason in line
    assert str(place.root) not in line
    assert not (place.models / ".training").exists()
