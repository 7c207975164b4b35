"""Where a model's weights are: stand-in, hub or folder, as a local checkpoint folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from mlserver.settings import ModelSettings
from mlserver.utils import to_absolute_path
from tqdm import tqdm

from .engine.errors import LoadError

logger = logging.getLogger("mlserver.chorus")

_HUB_URI = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
# How mlserver-huggingface's users write a repository; the oldest have no organisation.
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_PROGRESS_SECONDS = 3.0
# Pickles only where nothing safer is offered; never code, never anything else of the repository.
_TOKENIZER = (
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.json",
    "chat_template.jinja",
    "*.model",  # SentencePiece
    "*.spm",
    "*.tiktoken",
    "vocab*.json",
    "vocab.txt",
    "merges.txt",
    "bpe.codes",
)
_CONFIGURATION = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "modules.json",  # of sentence-transformers, with a folder for each module
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "[0-9]_*/config.json",
    *_TOKENIZER,
)


@dataclass(frozen=True)
class Weights:
    """A local checkpoint folder, and what kind it is: `standin`, `hub` or `folder`."""

    folder: Path
    kind: str
    name: str
    """What to call it in public: the repository on the hub, or the folder's own name."""


class Extra(Protocol):
    """What a model's own settings may say about its weights."""

    @property
    def standin(self) -> str | None:
        """A folder of small weights, relative to the settings file."""


def locate(
    settings: ModelSettings, extra: Extra, choice: str, pretrained: str | None = None
) -> Weights:
    """The weights of a model for the process-wide choice; fetches from the hub when that is it.

    `choice` is `standin` (the model's own `uri` where it has no stand-in), `hub` (`uri`), or a
    folder that holds one checkpoint folder per model name. `pretrained` is a folder or the name of
    a repository, in place of `uri`. Blocks; raises LoadError.
    """
    uri = settings.parameters.uri if settings.parameters else None
    if choice == "standin" and extra.standin:
        folder = Path(to_absolute_path(settings, extra.standin))
        return Weights(folder, "standin", f"{settings.name} stand-in")
    if choice not in ("standin", "hub"):
        folder = Path(choice).expanduser().absolute() / settings.name
        return Weights(folder, "folder", folder.name)
    if pretrained:
        return named(settings, pretrained)
    if not uri:
        raise LoadError(f"model {settings.name}: parameters.uri is missing")
    if uri.startswith("hf://"):
        return Weights(_fetch(settings.name, *_parsed(settings.name, uri)), "hub", uri[5:])
    folder = Path(to_absolute_path(settings, uri))
    return Weights(folder, "folder", folder.name)


def named(settings: ModelSettings, pretrained: str, patterns: Sequence[str] = ()) -> Weights:
    """The files of a folder, `hf://…`, or the name of a repository; all of them unless `patterns`.

    A folder is one that exists, relative to the settings file. Blocks; raises LoadError.
    """
    folder = Path(to_absolute_path(settings, pretrained))
    if folder.is_dir():
        return Weights(folder, "folder", folder.name)
    if pretrained.startswith("hf://"):
        repo, revision = _parsed(settings.name, pretrained)
    elif _HUB_NAME.fullmatch(pretrained):
        repo, revision = pretrained, None
    else:
        raise LoadError(f"model {settings.name}: {pretrained} is no folder and no repository")
    return Weights(_fetch(settings.name, repo, revision, patterns), "hub", pretrained)


def locate_tokenizer(settings: ModelSettings, pretrained: str) -> Path:
    """The folder of a tokenizer that is not beside the weights. Blocks; raises LoadError."""
    return named(settings, pretrained, ["config.json", *_TOKENIZER]).folder


def _parsed(name: str, uri: str) -> tuple[str, str | None]:
    match = _HUB_URI.fullmatch(uri)
    if match is None:
        raise LoadError(f"model {name}: {uri} is not of the form hf://organisation/name@revision")
    return match["repo"], match["revision"]


def _fetch(name: str, repo: str, revision: str | None, patterns: Sequence[str] = ()) -> Path:
    """The hub's files in its own cache, fetched where they are not there yet."""
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=list(patterns) or _patterns(repo, revision),
                tqdm_class=progress_lines(name),
            )
        )
    except Exception as error:
        raise LoadError(
            f"model {name}: {repo} could not be fetched from the hub ({type(error).__name__}); "
            "check the network and HF_TOKEN, or serve the stand-ins with --weights standin"
        ) from error


def _patterns(repo: str, revision: str | None) -> list[str]:
    """What to fetch: safetensors, or .bin only where there are none."""
    from huggingface_hub import HfApi
    from huggingface_hub.constants import HF_HUB_OFFLINE

    files = [] if HF_HUB_OFFLINE else HfApi().list_repo_files(repo, revision=revision)
    if files and not any(file.endswith(".safetensors") for file in files):
        return [*_CONFIGURATION, "pytorch_model*.bin", "pytorch_model.bin.index.json"]
    return [*_CONFIGURATION, "*.safetensors", "*.safetensors.index.json"]


def progress_lines(name: str) -> type[Any]:
    """A progress bar as lines of the log, which is no terminal."""

    class ProgressLines(tqdm):  # type: ignore[misc] # it carries no types
        _told = 0.0

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            counts_bytes = self.unit == "B" and bool(self.total)
            if counts_bytes and monotonic() - self._told >= _PROGRESS_SECONDS:
                self._told = monotonic()
                logger.warning(
                    "chorus: %s: %d of %d MB", name, self.n // 1_000_000, self.total // 1_000_000
                )

    return ProgressLines
