"""What the hub says: which commit a branch points to, which files it has, their bytes.

The hub is HF_ENDPOINT, asked with HF_TOKEN, or not at all with HF_HUB_OFFLINE. The token goes to
that host alone: it is taken off a request that is redirected elsewhere.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub import logging as library_log
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
from tqdm import tqdm

from .errors import HubError, Unreachable
from .lock import is_commit, is_inside

_ANSWER_S = 30.0
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_TOO_MANY = 429
# The library says what machine and what program asks, and asks the hub who that might be.
constants.HF_HUB_DISABLE_TELEMETRY = True
# It warns of what it tries again, with whole URLs, amid our progress.
library_log.set_verbosity_error()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Entry:
    """A file of a commit. `digest` is its name in git or LFS, which for LFS is its SHA-256."""

    path: str
    size: int
    digest: str
    sha256: str | None


@dataclass(frozen=True)
class Listing:
    """The files of a repository at a commit of 40 hexadecimal digits."""

    commit: str
    entries: tuple[Entry, ...]


def is_off() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask it."""
    return constants.is_offline_mode()


def listing(repository: str, reference: str) -> Listing:
    """What a branch, a tag or a commit is now.

    Raises HubError; of its kinds Unreachable where nobody answers.
    """
    with _explained(repository, reference):
        if is_off():
            raise OfflineModeIsEnabled
        found = HfApi().model_info(
            repository, revision=reference, files_metadata=True, timeout=_ANSWER_S
        )
    if not is_commit(found.sha):
        raise HubError(f"{_host()} does not answer as a hub does; check HF_ENDPOINT")
    entries = [
        Entry(
            one.rfilename,
            one.size or 0,
            one.lfs.sha256 if one.lfs else one.blob_id or "",
            one.lfs.sha256 if one.lfs else None,
        )
        for one in found.siblings or ()
    ]
    return Listing(str(found.sha), tuple(map(_sound, entries)))


def download(repository: str, commit: str, path: str, size: int, file: BinaryIO) -> None:
    """Write the bytes of a file that are not in `file` yet; it is opened at its end.

    Cut connections are taken up again where they broke. Raises HubError.
    """
    if size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        raise HubError(
            f"{repository}: {path} is larger than a hub sends as one file; "
            "serve it from a folder, with --weights DIR"
        )
    with _explained(repository, commit):
        if is_off():
            raise OfflineModeIsEnabled
        http_get(
            hf_hub_url(repository, path, revision=commit),
            file,
            resume_size=file.tell(),
            headers={**build_hf_headers(), "accept-encoding": "identity"},
            expected_size=size,
            displayed_filename=path,
            tqdm_class=_NoBar,
        )


class _NoBar(tqdm):  # type: ignore[misc] # it carries no types
    """Shows nothing: who asks for a file sees what is written."""

    def __init__(self, **values: object) -> None:
        super().__init__(**values | {"disable": True})


def _sound(entry: Entry) -> Entry:
    """The entry, unless it would be written outside of its repository."""
    if not is_inside(entry.path) or not _DIGEST.fullmatch(entry.digest):
        raise HubError(f"{_host()} lists a file with an impossible name; check HF_ENDPOINT")
    return entry


@contextmanager
def _explained(repository: str, reference: str) -> Iterator[None]:
    """One line for what the library raises; its own texts hold URLs, and may hold more."""
    try:
        yield
    except (OSError, httpx2.HTTPError, ValueError) as error:
        raise explanation(error, repository, reference) from error


def explanation(error: Exception, repository: str, reference: str) -> HubError:
    """One line for what the library or the disk raises."""
    what = _refused(error, repository, reference)
    if what:
        return HubError(what)
    if isinstance(error, OfflineModeIsEnabled):
        return Unreachable(
            f"{repository} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it; "
            "unset it and run chorus pull"
        )
    if isinstance(error, httpx2.TransportError):
        return Unreachable(
            f"{_host()} cannot be reached ({type(error).__name__}); check the network, or set "
            "HF_ENDPOINT to a mirror; what has arrived is kept"
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return HubError("the disk is full; free some of it, or set HF_HOME to another one")
    if isinstance(error, OSError) and error.errno:
        return HubError(f"the cache cannot be written: {error.strerror}; set HF_HOME to another")
    return HubError(
        f"{_host()} does not send {repository} whole ({type(error).__name__}); try again"
    )


def _refused(error: Exception, repository: str, reference: str) -> str | None:
    """What the hub's own refusals mean; None for anything else."""
    token = (
        "with the account of HF_TOKEN" if get_token() else "and set HF_TOKEN to a token of yours"
    )
    if isinstance(error, GatedRepoError):
        return f"{repository} is gated; accept its licence on its page {token}"
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{repository} is not on {_host()}, or is private; check its name, "
            "or set HF_TOKEN to a token that may read it"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {reference}; see its page for those that it has"
    if isinstance(error, EntryNotFoundError):
        return f"{repository} has lost a file at {reference[:12]}; run chorus pull --update"
    if not isinstance(error, HfHubHTTPError):
        return None
    status = error.response.status_code
    if status in (401, 403):
        return f"{_host()} refuses HF_TOKEN for {repository} ({status}); make one that may read it"
    if status == _TOO_MANY:
        return f"{_host()} is asked too often (429); try again in some minutes"
    return f"{_host()} answers {status} for {repository}; try again later"


def _host() -> str:
    return urlsplit(constants.ENDPOINT).netloc.rpartition("@")[2] or "the hub"
