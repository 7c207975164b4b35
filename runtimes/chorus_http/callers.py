"""Who calls, as far as sharing a queue fairly needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

ANONYMOUS: Final = ""


def key_of(headers: Mapping[str, str]) -> str:
    """A caller's key: a digest of its credentials, or ANONYMOUS. `headers` have lower-case names.

    A digest, so that no queue, log or metric ever holds what was sent.
    """
    credentials = headers.get("authorization")
    return sha256(credentials.encode()).hexdigest()[:16] if credentials else ANONYMOUS
