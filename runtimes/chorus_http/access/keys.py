"""Who may call: keys, known by their digests alone."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from .callers import Caller, Scope
from .key_lines import Entry, KeysError, parse
from .watched_file import WatchedFile

__all__ = ["Caller", "KeyRing", "KeysError", "Scope"]

logger = logging.getLogger("chorus.keys")

FILE: Final = "CHORUS_API_KEYS_FILE"
GATEWAY: Final = "gateway"
"""The name of the caller that has the internal key."""
SHORTEST: Final = 16  # characters: of random letters and digits, 95 bits
_SENDABLE: Final = re.compile(r"[!-~]+")  # what goes through every header as it is


class KeyRing:
    """Keys by their digests; off when there is none.

    A file of keys that has changed is read again; one that is wrong changes nothing but the log.
    `rate` and `concurrency` are for callers of whom the file says nothing of them.
    """

    def __init__(
        self,
        fixed: Iterable[Entry] = (),
        file: WatchedFile | None = None,
        internal: Iterable[Entry] = (),
        rate: str | None = None,
        concurrency: int | None = None,
    ) -> None:
        self._fixed = tuple(fixed)
        self._internal = tuple(internal)
        self._file = file
        self._rate = rate
        self._concurrency = concurrency
        self._known = self._read()
        self.enabled = bool(self._known) or file is not None
        """Whether calling takes a key. A file without any lets nobody in: whoever revokes the
        last key opens nothing."""

    @classmethod
    def read(
        cls,
        keys: str = "",
        admin_keys: str = "",
        file: Path | None = None,
        internal: str = "",
        *,
        rate: str | None = None,
        concurrency: int | None = None,
    ) -> KeyRing:
        """Take keys, comma-separated, and a file of them. Raises KeysError, one line.

        `internal` is the gateway's key on its own model server: for work, and without limits.
        """
        fixed = [
            *_entries("CHORUS_API_KEYS", keys, "key", Scope.INFER),
            *_entries("CHORUS_ADMIN_KEYS", admin_keys, "admin", Scope.ADMIN),
        ]
        watched = WatchedFile(file) if file else None
        return cls(fixed, watched, _internal(internal), rate, concurrency)

    def caller(self, authorization: str | None) -> Caller | None:
        """Whose key a header `Bearer KEY` has, None if nobody's; constant time over all keys."""
        if self._file and self._file.has_changed():
            self._read_again()
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        sent = _digest(key.strip(" "))
        found = None
        for digest, caller in self._known:
            if hmac.compare_digest(digest, sent):
                found = caller
        return found

    def _read_again(self) -> None:
        try:
            self._known = self._read()
        except KeysError as error:
            logger.error("%s; the keys of before stay in force", error)
        else:
            logger.info("%s was read again", FILE)

    def _read(self) -> tuple[Entry, ...]:
        limited = map(self._with_limits, (*self._fixed, *self._of_file()))
        known = (*limited, *self._internal)
        if len({digest for digest, _ in known}) < len(known):
            raise KeysError("keys: one of them is given twice; leave one of the two out")
        if len({caller.name for _, caller in known}) < len(known):
            raise KeysError("keys: two of them have the same name; give each its own")
        return known

    def _of_file(self) -> tuple[Entry, ...]:
        if self._file is None:
            return ()
        try:
            entries = tuple(parse(self._file.read()))
        except OSError as error:
            raise KeysError(f"{FILE}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise KeysError(f"{FILE}: it is not text in UTF-8") from None
        except KeysError as error:
            raise KeysError(f"{FILE}, {error}") from None
        if not self._file.is_private:
            logger.warning("%s can be read by others than its owner; chmod 600 it", FILE)
        return entries

    def _with_limits(self, entry: Entry) -> Entry:
        digest, caller = entry
        rate = caller.rate or self._rate
        concurrency = caller.concurrency or self._concurrency
        return digest, replace(caller, rate=rate, concurrency=concurrency)


def _entries(setting: str, keys: str, name: str, scope: Scope) -> Iterator[Entry]:
    found = [key for key in map(str.strip, keys.split(",")) if key]
    if keys and not found:
        raise KeysError(f"{setting}: there is no key in it; leave it out to need none")
    for number, key in enumerate(found, 1):
        yield _checked(setting, key), Caller(f"{name}-{number}", scope.implied)


def _internal(key: str) -> Iterator[Entry]:
    if key:
        yield _checked("CHORUS_UPSTREAM_KEY", key), Caller(GATEWAY, Scope.INFER.implied)


def _checked(setting: str, key: str) -> bytes:
    """The digest of a key that was set. Raises KeysError."""
    if len(key) < SHORTEST or not _SENDABLE.fullmatch(key):
        raise KeysError(
            f"{setting}: a key needs at least {SHORTEST} characters of visible ASCII; "
            "`chorus keys new` makes one"
        )
    return _digest(key)


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
