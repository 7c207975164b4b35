"""What makes an answer under load a good one: the form of the first, which was asked alone."""

from __future__ import annotations

import json

from chorus.load.connection import Check

NOTHING, SOMETHING = "nothing", "something"  # no JSON


def check_like(first: bytes) -> Check:
    """Whether a body has the form of the first one: JSON with the same keys, or a list as it was.

    Anything else is only to be there.
    """
    expected = _form(first)
    return lambda body: _form(body) == expected


def is_json(body: bytes) -> bool:
    """Whether a body can be read at all."""
    return _form(body) not in (NOTHING, SOMETHING)


def _form(body: bytes) -> frozenset[str] | str:
    try:
        value = json.loads(body)
    except ValueError:
        return SOMETHING if body else NOTHING
    return frozenset(value) if isinstance(value, dict) else type(value).__name__
