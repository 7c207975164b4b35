"""The texts that are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chorus.errors import UsageError
from chorus.load.texts import mixed_texts

COUNT: Final = 1000


def read(file: Path | None) -> list[str]:
    """The lines of a file that are not blank, or texts of our own. Raises UsageError."""
    if file is None:
        return mixed_texts(COUNT)
    try:
        texts = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; choose another file with --texts") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no UTF-8; choose another file with --texts") from None
    if not texts:
        raise UsageError(f"{file} has no text; --texts takes a file with one on each line")
    return texts
