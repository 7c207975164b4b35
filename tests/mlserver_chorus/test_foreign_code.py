"""The second wall: what was not verified, or was verified wrongly, runs no code either."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.engine.loading import load_classifier
from mlserver_chorus.pipelines.loading import load
from mlserver_chorus.pipelines.tasks import TASKS

from .conftest import MakeCheckpoint
from .pipelines import checkpoints

Loader = Callable[[Path], object]


def pipeline(task: str) -> Loader:
    def loader(folder: Path) -> object:
        given: dict[str, Any] = {"device": "cpu", "max_rows": 1, "model_kwargs": {}}
        return load("spam", TASKS[task], folder, **given, max_new_tokens=4)

    return loader


LOADERS: dict[str, Loader] = {
    "classifier": lambda folder: load_classifier("spam", folder, "cpu"),
    "pipeline": pipeline("text-classification"),
    "own": pipeline("feature-extraction"),
}
MAPPED = dict.fromkeys(
    ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoTokenizer"),
    "foreign.Foreign",
)


@pytest.fixture(autouse=True)
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    for name in ("TRUST_REMOTE_CODE", "HF_TRUST_REMOTE_CODE", "TRANSFORMERS_TRUST_REMOTE_CODE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MLSERVER_MODEL_HUGGINGFACE_TRUST_REMOTE_CODE", "1")


def foreign(folder: Path, **config: Any) -> Path:
    """Code in the folder, named wherever transformers looks for such names; where it would run."""
    ran = folder / "ran"
    (folder / "foreign.py").write_text(f"open({str(ran)!r}, 'w')\nclass Foreign: ...\n")
    for file in ("config.json", "tokenizer_config.json"):
        said = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(said | config | {"auto_map": MAPPED}))
    return ran


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("config", [{}, {"model_type": "foreign", "tokenizer_class": "Foreign"}])
def test_code_that_a_checkpoint_names_is_not_run(
    make_checkpoint: MakeCheckpoint, loader: str, config: dict[str, Any]
) -> None:
    folder = make_checkpoint("it")
    ran = foreign(folder, **config)
    only_the_code_knows = pytest.raises(LoadError, match="model spam") if config else nullcontext()
    with only_the_code_knows:
        LOADERS[loader](folder)
    assert not ran.exists()


def test_the_same_code_would_run_if_it_were_trusted(make_checkpoint: MakeCheckpoint) -> None:
    """Else the test above shows nothing."""
    from transformers import AutoConfig

    folder = make_checkpoint("it")
    ran = foreign(folder, model_type="foreign")
    with pytest.raises(AttributeError):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert ran.exists()


def test_generation_is_our_own(tmp_path: Path) -> None:
    folder = checkpoints.generator(tmp_path / "it")
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(
        f"open({str(folder / 'ran')!r}, 'w')\ndef generate(*args, **kwargs): ...\n"
    )
    loaded: Any = pipeline("text-generation")(folder)
    assert loaded.run({"max_new_tokens": 2}, ["a b"])
    assert not (folder / "ran").exists()


def test_no_option_of_a_request_reaches_a_loader() -> None:
    """And one that is no option is refused: test_t12_arguments."""
    options = {name for task in TASKS.values() for name in task.options}
    assert {"top_k", "max_new_tokens"} <= options
    assert not options & {"trust_remote_code", "custom_generate", "model_kwargs", "revision"}


# -------------------------------------------------------------------------- weights


class _Payload:
    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._target,))


def zipped(folder: Path) -> None:
    torch.save({"weight": _Payload(folder / "ran")}, folder / "pytorch_model.bin")


def bare(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Payload(folder / "ran")))


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("save", [zipped, bare])
def test_code_in_a_pickle_is_not_run(
    make_checkpoint: MakeCheckpoint, loader: str, save: Callable[[Path], None]
) -> None:
    folder = make_checkpoint("it")
    (folder / "model.safetensors").unlink()
    save(folder)
    with pytest.raises(LoadError, match="something else than tensors") as refusal:
        LOADERS[loader](folder)
    assert str(refusal.value).isprintable()
    assert not (folder / "ran").exists()


def header(size: int, content: bytes) -> bytes:
    return struct.pack("<Q", size) + content


TENSOR = b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        header(2**63, b"{}"),
        header(200_000_000, b"{}"),
        header(10, b"["),
        header(100_000, b"[" * 100_000),
        header(100_000, b'{"a":' * 20_000),
        header(len(TENSOR), TENSOR + b"\0" * 16),
        header(2, b"{}"),
    ],
    ids=["empty", "huge", "large", "cut off", "deep", "deep objects", "overflow", "no tensors"],
)
def test_crafted_safetensors_are_refused_in_one_line(
    make_checkpoint: MakeCheckpoint, content: bytes
) -> None:
    folder = make_checkpoint("it")
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(LoadError, match="model spam") as refusal:
        LOADERS["classifier"](folder)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_tokenizer_nested_too_deep_is_refused_in_one_line(
    make_checkpoint: MakeCheckpoint, depth: int
) -> None:
    folder = make_checkpoint("it")
    state = json.loads((folder / "tokenizer.json").read_text())
    nested = '{"type":"Sequence","normalizers":[' * depth + "]}" * depth
    text = json.dumps(state | {"normalizer": "@"}).replace('"@"', nested)
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(LoadError, match="model spam") as refusal:
        LOADERS["classifier"](folder)
    assert str(refusal.value).isprintable()
