"""Where a model's weights are: stand-in, hub or folder, as a local checkpoint folder."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from mlserver.settings import ModelSettings
from mlserver.utils import to_absolute_path
from tqdm import tqdm

from .engine.errors import LoadError
from .settings import ClassifierExtra

logger = logging.getLogger("mlserver.chorus")

_HUB_URI = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
_PROGRESS_SECONDS = 3.0
# Pickles only where nothing safer is offered; never code, never anything else of the repository.
_CONFIGURATION = (
    "config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


@dataclass(frozen=True)
class Weights:
    """A local checkpoint folder, and what kind it is: `standin`, `hub` or `folder`."""

    folder: Path
    kind: str
    name: str
    """What to call it in public: the repository on the hub, or the folder's own name."""


def locate(settings: ModelSettings, extra: ClassifierExtra, choice: str) -> Weights:
    """The weights of a model for the process-wide choice; fetches from the hub when that is it.

    `choice` is `standin` (the model's own `uri` where it has no stand-in), `hub` (`uri`), or a
    folder that holds one checkpoint folder per model name. Blocks; raises LoadError.
    """
    uri = settings.parameters.uri if settings.parameters else None
    if choice == "standin" and extra.standin:
        folder = Path(to_absolute_path(settings, extra.standin))
        return Weights(folder, "standin", f"{settings.name} stand-in")
    if choice not in ("standin", "hub"):
        folder = Path(choice).expanduser().absolute() / settings.name
        return Weights(folder, "folder", folder.name)
    if not uri:
        raise LoadError(f"model {settings.name}: parameters.uri is missing")
    if uri.startswith("hf://"):
        return Weights(_fetch(settings.name, uri), "hub", uri.removeprefix("hf://"))
    folder = Path(to_absolute_path(settings, uri))
    return Weights(folder, "folder", folder.name)


def _fetch(name: str, uri: str) -> Path:
    """The hub's files in its own cache, fetched where they are not there yet."""
    from huggingface_hub import snapshot_download

    match = _HUB_URI.fullmatch(uri)
    if match is None:
        raise LoadError(f"model {name}: {uri} is not of the form hf://organisation/name@revision")
    repo, revision = match["repo"], match["revision"]
    try:
        return Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=_patterns(repo, revision),
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
