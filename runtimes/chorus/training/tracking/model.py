"""The model of a training in MLflow: logged, registered, and known by an alias."""

from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow.transformers
from huggingface_hub import ModelCard
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from chorus.training.table import SEPARATOR

_TASK = "text-classification"
_NEEDED = ("transformers", "torch", "safetensors")
_SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string)]),
    outputs=Schema([ColSpec(DataType.string, "label"), ColSpec(DataType.double, "score")]),
)
_FOLDER = "model"


def log(
    folder: Path, results: Mapping[str, Any], run_id: str, tags: Mapping[str, str]
) -> tuple[str, str]:
    """Log and register the model of a published folder; its id and its version.

    It is of the flavour `transformers`: mlflow.transformers.load_model gives a pipeline.
    """
    example = SEPARATOR.join(f"the {column}" for column in results["text_columns"])
    # It prints what it does, in passing; who trains hears of it in one line.
    with redirect_stderr(StringIO()), mlflow.start_run(run_id=run_id):
        logged = mlflow.transformers.log_model(
            transformers_model=_loaded(folder / "weights"),
            name=_FOLDER,
            task=_TASK,
            model_card=ModelCard((folder / "README.md").read_text(encoding="utf-8")),
            signature=_SIGNATURE,
            input_example=[example],
            pip_requirements=[f"{name}=={version(name)}" for name in _NEEDED],
            registered_model_name=results["name"],
            tags=dict(tags),
            step=results["best_epoch"],
        )
    return logged.model_id, str(logged.registered_model_version)


def _loaded(weights: Path) -> dict[str, Any]:
    """What was published, from its files: MLflow takes no folder with transformers 5."""
    local = {"local_files_only": True, "trust_remote_code": False}
    model = AutoModelForSequenceClassification.from_pretrained(weights, **local)
    # MLflow writes it down, and asks the hub for the licence of what could be a repository.
    model.name_or_path = f"./{weights.parent.name}/{weights.name}"
    return {"model": model, "tokenizer": AutoTokenizer.from_pretrained(weights, **local)}
