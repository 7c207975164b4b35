"""The checkpoint folder of a model of MLflow, for who loads it."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from chorus_weights.errors import RegistryError, RegistryUnreachable

from . import client
from .cache import Cache, default_folder
from .uri import ModelUri
from .version import Version

SECONDS = 900
"""For a model to come in: a few gigabytes over a slow line."""

logger = logging.getLogger("mlserver.chorus")


@dataclass(frozen=True)
class Found:
    """A checkpoint folder, what it is, and how many bytes came for it now."""

    folder: Path
    version: Version
    bytes: int = 0


@dataclass(frozen=True)
class Registry:
    """The MLflow server of the environment, as far as this process has asked it.

    `folder` keeps what came, None means the user's cache; `seconds` is for a model to come in.
    """

    folder: Path | None = None
    seconds: int = SECONDS
    _heard: set[str] = field(default_factory=set, compare=False)
    """The URIs that it has answered in this process."""

    def find(self, uri: ModelUri) -> Found:
        """The folder of what a URI means now, fetched if need be. Blocks; raises WeightsError.

        Where the registry is away: what never changes is taken from the cache, and so is, when it
        is first asked for, what an alias meant when the registry last answered; a warning says so.
        A reload of an alias is then refused, for it is to bring what the alias means now.
        """
        answer = self._asked(uri)
        if "error" not in answer:
            self._heard.add(uri.text)
            version = Version.of(answer["version"])
            return Found(self._cache.checkpoint(version), version, answer["bytes"])
        if answer["unreachable"]:
            return self._as_it_was(uri, answer["error"])
        raise RegistryError(answer["error"])

    def _as_it_was(self, uri: ModelUri, problem: str) -> Found:
        version = self._cache.remembered(uri.text)
        moves = not uri.is_fixed and uri.text in self._heard
        if moves or version is None or not self._cache.holds(version):
            raise RegistryUnreachable(problem)
        if not uri.is_fixed:
            logger.warning(
                "chorus: %s; %s is taken for %s, as it was when MLflow last answered",
                problem,
                uri.text,
                version.uri,
            )
        return Found(self._cache.checkpoint(version), version)

    def _asked(self, uri: ModelUri) -> dict[str, Any]:
        root = self._cache.root
        # -P: nothing is imported from where the server happens to be started.
        command = [sys.executable, "-P", "-m", __package__, uri.text, str(root), str(self.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode == -signal.SIGALRM:
            raise RegistryError(
                f"{uri.text} has not come within {self.seconds} s; see why MLflow is slow, or set "
                "CHORUS_MLFLOW_TIMEOUT to more"
            )
        try:
            answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            raise RegistryError(
                f"{uri.text} cannot be had: who asks MLflow for it ended with {done.returncode}"
            ) from None
        return answer

    @cached_property
    def _cache(self) -> Cache:
        return Cache((self.folder or default_folder()).expanduser().absolute(), client.server())


@cache
def of_process(folder: Path | None = None, seconds: int = SECONDS) -> Registry:
    """The one of this process with these settings, which knows what it has heard."""
    return Registry(folder, seconds)
