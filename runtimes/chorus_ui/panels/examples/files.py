"""Where the pictures and sounds of the examples lie."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "files"


def path(name: str) -> str:
    """The file of an example."""
    return str(FOLDER / name)
