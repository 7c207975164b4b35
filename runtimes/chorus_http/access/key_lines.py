"""The lines of a file of keys: `name:SHA256 [scope=infer] [rate=100/minute] [concurrency=8]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from .callers import Caller, Scope
from .rates import checked_rate

Entry: TypeAlias = tuple[bytes, Caller]
"""The SHA-256 of a key, and whose it is."""

_KEY: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64}):(?P<digest>[0-9a-fA-F]{64})")
_CONCURRENCY: Final = re.compile(r"[1-9][0-9]{0,5}")
_OPTIONS: Final = ("scope", "rate", "concurrency")


class KeysError(ValueError):
    """Keys that cannot be taken; one line for who set them, without anything of a key."""


def parse(text: str) -> Iterator[Entry]:
    """Read the lines; what follows a # is a comment. Raises KeysError, which names the line."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            try:
                yield _entry(*words)
            except ValueError as error:
                raise KeysError(f"line {number}: {error}") from None


def _entry(key: str, *options: str) -> Entry:
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(
            "write name:SHA256, the digest in 64 hex digits, as `chorus keys new` does"
        )
    return bytes.fromhex(match["digest"]), _caller(match["name"], _values(options))


def _values(options: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if name not in _OPTIONS or not equals or name in values:
            raise ValueError(f"each of {', '.join(_OPTIONS)} may follow once, as scope=infer")
        values[name] = value
    return values


def _caller(name: str, values: dict[str, str]) -> Caller:
    scope, concurrency = values.get("scope", Scope.INFER), values.get("concurrency")
    if scope not in list(Scope):
        raise ValueError(f"scope: it must be one of {', '.join(Scope)}")
    if concurrency is not None and not _CONCURRENCY.fullmatch(concurrency):
        raise ValueError("concurrency: a whole number above 0 is needed")
    rate = values.get("rate")
    try:
        rate = rate and checked_rate(rate)
    except ValueError as error:
        raise ValueError(f"rate: {error}") from None
    return Caller(name, Scope(scope).implied, rate, int(concurrency) if concurrency else None)
