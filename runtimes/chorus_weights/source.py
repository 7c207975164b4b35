"""What a model's settings say about where its weights are: a folder, or a repository."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .errors import SourceError
from .lock import MAIN, is_commit, is_inside

_HUB_URI = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(@(?P<reference>[\w./-]+))?", re.ASCII)
# How mlserver-huggingface's users write a repository; the oldest have no organisation.
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)


class Part(StrEnum):
    """What of a repository a model needs."""

    WHOLE = "whole"
    TOKENIZER = "tokenizer"


@dataclass(frozen=True)
class Repository:
    """A repository on the hub at a branch, tag or commit."""

    name: str
    reference: str = MAIN
    part: Part = Part.WHOLE

    @property
    def is_fixed(self) -> bool:
        """Whether it is asked for at a commit, which no branch moves."""
        return is_commit(self.reference)


def of_uri(uri: str) -> Repository | None:
    """What `parameters.uri` names; None for a folder. Raises SourceError."""
    if not uri.startswith("hf://"):
        return None
    match = _HUB_URI.fullmatch(uri)
    reference = match["reference"] or MAIN if match else ""
    if match is None or not _is_repository(match["name"]) or not is_inside(reference):
        raise SourceError(f"{uri} is not of the form hf://organisation/name@revision")
    return Repository(match["name"], reference)


def of_name(pretrained: str, home: Path, part: Part = Part.WHOLE) -> Repository | None:
    """What `pretrained_…` names: a repository or `hf://…`; None for a folder that exists.

    A folder is relative to `home`, that of the settings file. Raises SourceError.
    """
    if (home / pretrained).is_dir():
        return None
    if found := of_uri(pretrained):
        return Repository(found.name, found.reference, part)
    if not _is_repository(pretrained):
        raise SourceError(f"{pretrained} is no folder and no repository")
    return Repository(pretrained, part=part)


def of_settings(
    uri: str | None, pretrained: Mapping[Part, Sequence[str]], home: Path
) -> list[Repository]:
    """Every repository that a model is made from; `pretrained` in place of, or beside, `uri`.

    Raises SourceError.
    """
    named = [of_name(name, home, part) for part in Part for name in pretrained.get(part, ())]
    if not pretrained.get(Part.WHOLE) and uri:
        named.insert(0, of_uri(uri))
    return [repository for repository in named if repository]


def _is_repository(name: str) -> bool:
    return _HUB_NAME.fullmatch(name) is not None and is_inside(name)
