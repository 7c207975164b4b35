"""The key with which the gateway, and the command line, call their own model server."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "CHORUS_UPSTREAM_KEY"
# With any of these, both servers ask everybody for a key.
ASKING: Final = ("CHORUS_API_KEYS", "CHORUS_ADMIN_KEYS", "CHORUS_API_KEYS_FILE", VARIABLE)
KEY_BYTES: Final = 32


def of_this_start(environment: Mapping[str, str]) -> str:
    """The one that is set, else one of this start alone; empty where no keys are asked for."""
    if not any(environment.get(name, "").strip(", ") for name in ASKING):
        return ""
    return environment.get(VARIABLE, "") or secrets.token_urlsafe(KEY_BYTES)


def header(key: str) -> dict[str, str]:
    """What shows it to the model server."""
    return {"authorization": f"Bearer {key}"} if key else {}


def variable(key: str) -> dict[str, str]:
    """What tells it to a server that is started; an argument would be there for all to see."""
    return {VARIABLE: key} if key else {}
