"""Which repositories models are made from, by their settings and their process's environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chorus import catalog, repositories
from chorus.errors import UsageError
from chorus_weights.source import Part, Repository

MODELS = Path(__file__).parents[2] / "models"


def made_of(tmp_path: Path, uri: str | None = None, **extra: object) -> list[Repository]:
    home = tmp_path / "m"
    home.mkdir(exist_ok=True)
    settings = {"name": "m", "parameters": {"uri": uri, "extra": extra}}
    (home / catalog.SETTINGS).write_text(json.dumps(settings))
    return repositories.of(catalog.read(tmp_path))["m"]


def test_every_model_of_ours_but_the_ensemble_is_made_from_one() -> None:
    found = repositories.of(catalog.read(MODELS))
    assert {name for name, made in found.items() if len(made) != 1} == {"process"}


def test_a_pipeline_may_be_made_from_several(tmp_path: Path) -> None:
    beside = {"pretrained_tokenizer": "org/words", "pretrained_vocoder": "org/voice"}
    assert made_of(tmp_path, "hf://org/name@v1", task="text-to-audio", **beside) == [
        Repository("org/name", "v1"),
        Repository("org/words", part=Part.TOKENIZER),
        Repository("org/voice"),
    ]
    (tmp_path / "m" / "words").mkdir()
    beside = {"pretrained_tokenizer": "words", "pretrained_model": "gpt2"}
    assert made_of(tmp_path, "hf://org/name", task="fill-mask", **beside) == [Repository("gpt2")]


def test_the_environment_of_a_pipeline_counts_and_a_classifier_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSERVER_MODEL_HUGGINGFACE_PRETRAINED_MODEL", "gpt2")
    assert made_of(tmp_path, "hf://org/name", task="text-generation") == [Repository("gpt2")]
    assert made_of(tmp_path, "hf://org/name") == [Repository("org/name")]


def test_what_names_nothing_is_refused_with_the_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model m: hf://typo is not of the form"):
        made_of(tmp_path, "hf://typo")
