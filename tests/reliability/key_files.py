"""Keys for tests, and the files that servers know them from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class Key:
    """A key, and what its line says of it."""

    name: str
    options: str = ""

    @property
    def secret(self) -> str:
        return f"the-key-of-{self.name}"

    @property
    def header(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    @property
    def line(self) -> str:
        return f"{self.name}:{sha256(self.secret.encode()).hexdigest()} {self.options}\n"


INFER, METRICS, ADMIN = (Key(scope, f"scope={scope}") for scope in ("infer", "metrics", "admin"))


def replace(file: Path, text: str) -> None:
    """Put a text in the file's place at once, as a careful editor does."""
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(file)


def write(file: Path, *keys: Key) -> None:
    replace(file, "".join(key.line for key in keys))
