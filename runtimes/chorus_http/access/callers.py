"""Who calls: by a key of ours, or as far as sharing a queue fairly needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

ANONYMOUS: Final = ""
CALLER: Final = "chorus.caller"
"""Where a request's scope holds its Caller, once its key is known."""


class Scope(StrEnum):
    """What a key may be used for; `admin` is for everything."""

    INFER = "infer"
    METRICS = "metrics"
    ADMIN = "admin"

    @property
    def implied(self) -> frozenset[Scope]:
        """All that a key of this scope may be used for."""
        return frozenset(Scope) if self is Scope.ADMIN else frozenset({self})


@dataclass(frozen=True)
class Caller:
    """Whose key it was, what it is for and how much of it; None is no limit."""

    name: str
    scopes: frozenset[Scope]
    rate: str | None = None
    """As `100/minute`; see `rates`."""
    concurrency: int | None = None
    """Requests at a time."""


def key_of(headers: Mapping[str, str]) -> str:
    """A caller's key: a digest of its credentials, or ANONYMOUS. `headers` have lower-case names.

    A digest, so that no queue, log or metric ever holds what was sent.
    """
    credentials = headers.get("authorization")
    return sha256(credentials.encode()).hexdigest()[:16] if credentials else ANONYMOUS
