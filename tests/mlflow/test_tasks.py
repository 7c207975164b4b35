"""Models of other tasks, as anybody logs them with MLflow, as checkpoint folders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file
from tests.mlflow.conftest import Server, tree
from transformers import pipeline

from chorus_weights import verify
from chorus_weights.registry.cache import Cache
from chorus_weights.registry.fetch import fetch
from chorus_weights.registry.resolve import resolve
from chorus_weights.registry.uri import parse
from mlserver_chorus.pipelines.loading import load
from mlserver_chorus.pipelines.tasks import find

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TASKS = (
    "automatic-speech-recognition",
    "image-classification",
    "image-text-to-text",
    "zero-shot-image-classification",
)
"""With a tokenizer, a feature extractor, an image processor, and a processor of two of them."""


@pytest.fixture(scope="module")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    command = [sys.executable, "-m", "chorus.standins.tasks", *TASKS, "--into", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_a_pipeline_that_mlflow_has_logged_is_one_that_is_served(
    server: Server, asking: MlflowClient, standins: Path, tmp_path: Path, task: str
) -> None:
    import mlflow.transformers

    folder = standins / task / "standin"
    pipe = pipeline(task, model=str(folder), device="cpu")
    pipe.model.name_or_path = "./no/repository/here"  # nobody asks the hub for its licence
    with mlflow.start_run() as run:
        mlflow.transformers.log_model(pipe, name="model", pip_requirements=["transformers"])

    uri = parse(f"runs:/{run.info.run_id}/model")
    assert uri
    version, cache = resolve(asking, uri), Cache(tmp_path / "cache", server.url)
    fetch(version, cache)
    checkpoint = cache.checkpoint(version)

    verify.check(checkpoint)
    assert "config.json" in tree(checkpoint)
    ours, theirs = (load_file(place / "model.safetensors") for place in (checkpoint, folder))
    assert set(ours) <= set(theirs)
    assert all(torch.equal(weights, theirs[name]) for name, weights in ours.items())
    found, _ = find(task, "")
    loaded = load(
        "logged",
        found,
        checkpoint,
        device="cpu",
        max_rows=1,
        model_kwargs={},
        tokenizer=None,
        vocoder=None,
        intra_op_threads=None,
        max_new_tokens=8,
    )
    assert loaded.pipe is not None
