"""The file of API keys: a name, the digest of its key and what it may do, one per line.

The servers read it (CHORUS_API_KEYS_FILE), and read it again when it changes; a line is

    NAME:SHA256 [scope=infer|metrics|admin] [rate=100/minute] [concurrency=8]

A `#` begins a comment. Whatever is changed here, comments and the other lines stay as they are.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from chorus.errors import UsageError

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
GATEWAY: Final = "gateway"  # who shows the model server CHORUS_UPSTREAM_KEY
RATE: Final = re.compile(r"[1-9][0-9]{0,5}/(second|minute|hour)")
# A digest tells nothing of a random key, but who may write the file may let anybody in.
PRIVATE: Final = 0o600
MOST_MODE: Final = 0o640  # a file that was there keeps its mode, as far as that is safe


@dataclass(frozen=True)
class Entry:
    """One key: its digest, and what holds for whoever presents it."""

    name: str
    digest: str
    scope: str = "infer"
    rate: str = ""
    concurrency: str = ""

    @classmethod
    def of(cls, name: str, key: str, scope: str, rate: str, concurrency: int | None) -> Entry:
        """The entry of a new key. Raises UsageError for a name or a rate of another form."""
        if not NAME.fullmatch(name):
            raise UsageError("NAME is 1 to 64 letters, digits, dots, dashes or underscores")
        if name == GATEWAY:
            raise UsageError(f"{name} is the name of Chorus's own key; choose another NAME")
        if rate and not RATE.fullmatch(rate):
            raise UsageError("--rate is written as 100/second, 100/minute or 100/hour")
        return cls(name, sha256(key.encode()).hexdigest(), scope, rate, str(concurrency or ""))

    @classmethod
    def parse(cls, line: str) -> Entry | None:
        """The entry of a line, None where it holds none. Raises ValueError or TypeError."""
        words = line.partition("#")[0].split()
        if not words:
            return None
        name, digest = words[0].split(":")
        return cls(name, digest, **dict(word.split("=") for word in words[1:]))

    def __str__(self) -> str:
        """The line of the file."""
        options = {"scope": self.scope, "rate": self.rate, "concurrency": self.concurrency}
        given = [f"{option}={value}" for option, value in options.items() if value]
        return " ".join([f"{self.name}:{self.digest}", *given])


class KeyFile:
    """A file of keys; a change is all there or not at all, and two at once follow each other."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # or a link would be replaced, and not what it names
        self._shown = path

    def entries(self) -> list[Entry]:
        """Every key. Raises UsageError."""
        return [entry for entry in self._parsed(self._read()) if entry]

    def add(self, entry: Entry) -> None:
        """Append a key; the file is made where there is none. Raises UsageError."""
        with self._locked():
            lines = self._read() if self._path.exists() else []
            if any(known and known.name == entry.name for known in self._parsed(lines)):
                raise UsageError(
                    f"{self._shown} has a key named {entry.name} already: choose another name, "
                    f"or revoke that one first"
                )
            self._write([*lines, str(entry)])

    def remove(self, name: str) -> None:
        """Take a key out. Raises UsageError, also where there is none of that name."""
        with self._locked():
            lines = self._read()
            entries = self._parsed(lines)
            kept = [
                line
                for line, entry in zip(lines, entries, strict=True)
                if entry is None or entry.name != name
            ]
            if len(kept) == len(lines):
                raise UsageError(
                    f"{self._shown} has no key of that name; `chorus keys list` shows them"
                )
            self._write(kept)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The folder, because the file itself is another one after each change.
        try:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise self._refused(error) from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _read(self) -> list[str]:
        try:
            return self._path.read_text().splitlines()
        except OSError as error:
            raise self._refused(error) from None
        except UnicodeDecodeError:
            raise UsageError(f"{self._shown} is no text; is it the file of keys?") from None

    def _parsed(self, lines: list[str]) -> list[Entry | None]:
        entries = []
        for number, line in enumerate(lines, 1):
            try:
                entries.append(Entry.parse(line))
            except (ValueError, TypeError):
                raise UsageError(
                    f"{self._shown}, line {number}: not NAME:SHA256 [scope=…] [rate=…] "
                    "[concurrency=…]; correct it first"
                ) from None
        return entries

    def _write(self, lines: list[str]) -> None:
        """Replace the file by one that is complete: the servers may read it at any moment."""
        try:
            descriptor, made = tempfile.mkstemp(prefix=".keys-", dir=self._path.parent)
            with os.fdopen(descriptor, "w") as file:
                self._keep_owner(descriptor)
                file.writelines(f"{line}\n" for line in lines)
                file.flush()
                os.fsync(descriptor)
            Path(made).replace(self._path)
        except OSError as error:
            raise self._refused(error) from None

    def _keep_owner(self, descriptor: int) -> None:
        if not self._path.exists():
            os.fchmod(descriptor, PRIVATE)
            return
        known = self._path.stat()
        os.fchmod(descriptor, (stat.S_IMODE(known.st_mode) & MOST_MODE) | PRIVATE)
        if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, known.st_uid, known.st_gid)

    def _refused(self, error: OSError) -> UsageError:
        return UsageError(f"{self._shown}: {error.strerror}; choose the file with --file")
