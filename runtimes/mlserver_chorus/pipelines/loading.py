"""A checkpoint folder to a task that runs, or a LoadError in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, pipeline
from transformers.pipelines import check_task
from transformers.pipelines.base import PipelineException, load_model
from transformers.utils import logging as transformers_logging

from ..engine import threads
from ..engine.errors import LoadError
from ..engine.loading import device_of, token_limit
from ..engine.memory import give_back
from ..engine.reasons import reason
from ..errors import InvalidRequest
from . import answers, chance, own, sharing
from . import vocoder as vocoders
from .calls import CALLS
from .running import Left, never, stoppable
from .tasks import Input, Task

logger = logging.getLogger("mlserver.chorus")

transformers_logging.disable_progress_bar()  # the log is not a terminal

# Where a pipeline would fail on a text that is longer than its model.
_ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "text-classification": {"truncation": True},
    "fill-mask": {"tokenizer_kwargs": {"truncation": True}},
}
_PARTS = ("tokenizer", "image_processor", "feature_extractor", "processor")
# What answers are not made from, and old checkpoints leave out: it serves training, or is counted.
_UNREAD = re.compile(r"pooler\.|masked_spec_embed|position_ids|num_batches_tracked")
_REFUSED = "the model refuses it, with these options"
# Of models that read audio and do not say how it must be sampled.
_USUAL_RATE = 16_000


@dataclass
class Loaded:
    """A task on its weights. `run` is for the lane's thread alone."""

    task: Task
    pipe: Any
    """transformers' pipeline, or the callable of `own`."""
    rows: int
    """Most inputs of one run; 1 where a shared forward pass would change an answer."""
    intra_op_threads: int | None = None

    def run(self, options: Mapping[str, Any], inputs: list[Any], left: Left = never) -> list[bytes]:
        """One JSON value per input.

        Raises InvalidRequest for what the model says it cannot take, in its own words only where
        they are ours, and Stopped once all who waited have left.
        """
        model = getattr(self.pipe, "model", None)
        try:
            with torch.inference_mode(), stoppable(model, left), self.prepared(options) as given:
                results = CALLS[self.task.call](self.pipe, inputs, given, self.rows)
        except (ValueError, PipelineException) as error:
            raise refusal(error) from error
        return [answers.encode(result) for result in results]

    @contextmanager
    def prepared(self, options: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The thread and chance as the request wants them; the options that are left to pass on."""
        if self.intra_op_threads:
            threads.use(self.intra_op_threads)
        if self.task.own:
            yield options
            return
        rest = dict(options)
        with chance.seeded(self.pipe.device, rest.pop("seed", None)):
            yield rest

    @cached_property
    def sampling_rate(self) -> int:
        """Samples per second that the model takes."""
        extractor = getattr(self.pipe, "feature_extractor", None)
        return int(getattr(extractor, "sampling_rate", _USUAL_RATE))

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in order; none where the task has no fixed ones."""
        if not self.task.name.endswith("classification") or "candidate_labels" in self.task.options:
            return ()
        names = self.pipe.model.config.id2label
        return tuple(names[index] for index in sorted(names))

    @cached_property
    def max_tokens(self) -> int | None:
        """Tokens of one text; None for a model that reads none."""
        model, tokenizer = (getattr(self.pipe, name, None) for name in ("model", "tokenizer"))
        if model is None or tokenizer is None:
            return None
        return token_limit(model, model.config.get_text_config(), tokenizer)

    def drop(self) -> None:
        """Give the memory back; never on the event loop."""
        self.pipe = None
        give_back()


def load(
    name: str,
    task: Task,
    folder: Path,
    *,
    device: str,
    max_rows: int,
    model_kwargs: Mapping[str, Any],
    tokenizer: Path | None = None,
    vocoder: Path | None = None,
    intra_op_threads: int | None = None,
    max_new_tokens: int,
) -> Loaded:
    """Load a task from a folder in fp32; no code of the folder's is run. Raises LoadError."""
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise LoadError(f"model {name}: {folder} holds no checkpoint (config.json)")
    target = device_of(device)
    if intra_op_threads:
        threads.use(intra_op_threads)
    try:
        kwargs = dict(model_kwargs)
        if task.own:
            pipe = _own(task, folder, target, kwargs, tokenizer)
        else:
            pipe = _pipeline(task, folder, target, kwargs, tokenizer, vocoder)
    except ImportError as error:
        raise LoadError(f"model {name}: {_missing(error)}") from error
    except LoadError as error:
        raise LoadError(f"model {name}: {error}") from error
    except Exception as error:
        raise LoadError(
            f"model {name}: {folder.name} cannot be loaded for {task.name}: {reason(error)}"
        ) from error
    loaded = Loaded(task, pipe, 1, intra_op_threads)
    _bound(loaded, max_new_tokens)
    if task.batches and max_rows > 1:
        loaded.rows = sharing.rows(pipe, task, max_rows)
        if loaded.rows == 1:
            logger.warning("model %s: a batch changes its answers; inputs run one by one", name)
    return loaded


def refusal(error: Exception) -> InvalidRequest:
    """What a caller hears of an input that a model cannot take; foreign words may hold the input.

    Ours are those that our own code has raised, which is where the traceback ends.
    """
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    where = traceback.tb_frame.f_globals.get("__name__", "") if traceback else ""
    ours = str(where).startswith(f"{own.__name__}.")
    return InvalidRequest("inputs", str(error) if ours else _REFUSED)


def _own(
    task: Task, folder: Path, device: torch.device, kwargs: dict[str, Any], tokenizer: Path | None
) -> Any:
    return own.build(task.name, folder, str(device), model_kwargs=kwargs, tokenizer=tokenizer)


def _pipeline(
    task: Task,
    folder: Path,
    device: torch.device,
    kwargs: dict[str, Any],
    tokenizer: Path | None,
    vocoder: Path | None,
) -> Any:
    """A pipeline of transformers, on a model that was loaded here to see that it is whole."""
    _, row, _ = check_task(task.name)
    module_name, _, name = row["impl"].rpartition(".")
    kind = getattr(import_module(module_name), name)
    parts = {part: str(folder) for part in _PARTS if getattr(kind, f"_load_{part}") is not False}
    if tokenizer and "tokenizer" in parts:
        parts["tokenizer"] = str(tokenizer)
    module = _module(task, folder, row["pt"], kwargs)
    return pipeline(
        task.name,
        model=module,
        config=str(folder),
        device=None if "device_map" in kwargs else device,
        trust_remote_code=False,
        **parts,
        **vocoders.parts(module, vocoder, device),
        **_ALWAYS.get(task.name, {}),
    )


def _module(task: Task, folder: Path, classes: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The model in eval mode, in fp32 unless told otherwise. Raises LoadError for missing weights.

    Weights come from safetensors, or from a .bin read as tensors only, never as code.
    """
    local = {"local_files_only": True, "trust_remote_code": False}
    if not {"dtype", "torch_dtype"} & set(kwargs):
        kwargs["dtype"] = torch.float32
    config = AutoConfig.from_pretrained(folder, **local)
    module, info = load_model(
        str(folder),
        config=config,
        model_classes=tuple(classes),
        task=task.name,
        weights_only=True,
        output_loading_info=True,
        **local,
        **kwargs,
    )
    missing = [key for key in sorted(info["missing_keys"]) if not _UNREAD.search(key)]
    missing += sorted(str(key) for key in info["mismatched_keys"])
    if missing:
        raise LoadError(
            f"{len(missing)} weights are missing or of the wrong shape, the first is {missing[0]}"
        )
    return module.eval()


def _bound(loaded: Loaded, max_new_tokens: int) -> None:
    """Hold the checkpoint's own defaults to what the model can take and the process allows."""
    tokenizer = getattr(loaded.pipe, "tokenizer", None)
    truncates = loaded.task.takes is Input.TEXT and not loaded.task.own
    if tokenizer is not None and truncates and loaded.max_tokens:
        tokenizer.model_max_length = loaded.max_tokens
    settings = getattr(getattr(loaded.pipe, "model", None), "generation_config", None)
    for limit in ("max_new_tokens", "max_length"):
        stated = getattr(settings, limit, None)
        if isinstance(stated, int) and stated > max_new_tokens:
            setattr(settings, limit, max_new_tokens)


def _missing(error: ImportError) -> str:
    """Which package to install; transformers says it in a page of text."""
    words = str(error).lower()
    for package in ("timm", "torchvision"):  # by the extra: torchvision by itself replaces torch
        if package in words:
            return f"its weights need the package {package}: pip install -e '.[vision]'"
    for package in ("torchaudio", "pytesseract", "librosa", "phonemizer"):
        if package in words:
            return f"its weights need the package {package}: pip install {package}"
    return reason(error)
