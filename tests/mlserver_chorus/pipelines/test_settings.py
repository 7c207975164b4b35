"""`parameters.extra` of a Pipeline: mlserver-huggingface's names, its variables, our refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlserver.settings import ModelParameters, ModelSettings
from tests.mlserver_chorus.pipelines import checkpoints

from mlserver_chorus import Pipeline
from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.settings import PipelineExtra, parse_extra


def settings(folder: Path, **extra: Any) -> ModelSettings:
    made = ModelSettings(name="it", implementation="mlserver_chorus.Pipeline", max_batch_size=8)
    made.parameters = ModelParameters(uri=str(folder / "weights"), extra=extra)
    made._source = str(folder / "model-settings.json")
    return made


def test_the_stock_names_are_known(tmp_path: Path) -> None:
    given = {
        "task": "translation",
        "task_suffix": "_en_to_fr",
        "pretrained_model": "org/name",
        "pretrained_tokenizer": "org/name",
        "framework": "pt",
        "optimum_model": True,
        "device": -1,
        "model_kwargs": {"dtype": "float32"},
        "inter_op_threads": 1,
        "intra_op_threads": 1,
    }
    extra = parse_extra(PipelineExtra, settings(tmp_path, **given))
    assert extra.model_dump(exclude_unset=True) == given


def test_what_the_file_leaves_out_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSERVER_MODEL_HUGGINGFACE_TASK", "fill-mask")
    monkeypatch.setenv("MLSERVER_MODEL_HUGGINGFACE_DEVICE", "-1")
    assert parse_extra(PipelineExtra, settings(tmp_path)).task == "fill-mask"
    assert parse_extra(PipelineExtra, settings(tmp_path, task="ner")).task == "ner"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({}, "task"),
        ({"task": "canary"}, "fill-mask"),
        ({"task": "ner", "framework": "tf"}, "pt"),
        ({"task": "ner", "model_kwargs": {"trust_remote_code": True}}, "never"),
        ({"task": "ner", "model_kwargs": {"weights_only": False}}, "weights_only is not accepted"),
        ({"task": "ner", "model_kwargs": {"use_kernels": True}}, "use_kernels is not accepted"),
        ({"task": "ner", "model_kwargs": {"attn_implementation": "a/b"}}, "never run"),
        ({"task": "ner", "inference_kwargs": {"trust_remote_code": True}}, "trust_remote_code"),
        ({"task": "ner", "trust_remote_code": True}, "trust_remote_code"),
        ({"task": "ner", "typo": 1}, "typo"),
        ({"task": "ner", "inference_kwargs": {"num_workers": 4}}, "num_workers"),
        ({"task": "fill-mask", "inference_kwargs": {"top_k": 0}}, "top_k"),
    ],
)
def test_what_is_wrong_ends_the_start(tmp_path: Path, extra: dict[str, Any], words: str) -> None:
    with pytest.raises(LoadError, match=f"^model it: .*{words}"):
        Pipeline(settings(tmp_path, **extra))


async def test_a_stand_in_that_is_not_made_yet_says_how(tmp_path: Path) -> None:
    model = Pipeline(settings(tmp_path, task="fill-mask", standin="./standin"))
    with pytest.raises(LoadError, match="chorus serve"):
        await model.load()
    assert await model.unload()


async def test_a_folder_in_place_of_the_uri(tmp_path: Path) -> None:
    checkpoints.classifier(tmp_path / "elsewhere")
    given = {"task": "sentiment-analysis", "pretrained_model": "./elsewhere", "device": "-1"}
    model = Pipeline(settings(tmp_path, **given))
    assert await model.load()
    told = json.loads((await model.metadata()).model_dump_json())
    assert told["parameters"] == {
        "task": "text-classification",
        "weights": "folder",
        "checkpoint": "elsewhere",
        "labels": "BAD,GOOD,NEITHER",
        "max_tokens": 128,
    }
    assert [tensor["name"] for tensor in told["inputs"]] == ["args"]
    assert await model.unload()


async def test_without_mlserver_s_own_batching(tmp_path: Path) -> None:
    given = settings(tmp_path, task="ner")
    given.max_batch_time = 3.0
    model = Pipeline(given)
    assert (given.max_batch_size, given.max_batch_time) == (0, 0)
    assert model._max_wait == 3.0
