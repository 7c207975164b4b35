"""Where a trained model goes, and whether it may."""

import re
from dataclasses import dataclass
from pathlib import Path

from chorus import catalog
from chorus.errors import UsageError

RESULTS = "training.json"
"""Only folders with it are ever replaced."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Place:
    """The models folder; `fresh` forgets an unfinished run, `replace` an earlier model."""

    into: Path
    fresh: bool = False
    replace: bool = False

    def require_free(self, name: str) -> None:
        """Refuse a name that cannot be served, or that is taken. Raises UsageError."""
        if not _NAME.fullmatch(name) or name == catalog.EVERYTHING:
            raise UsageError(
                "--name: at most 100 of letters, digits, . _ - after a letter or digit, and not "
                f"{catalog.EVERYTHING}"
            )
        place = self.into / name
        if (place / RESULTS).is_file():
            if not self.replace:
                raise UsageError(
                    f"a model {name} is there already; --replace puts this in its place"
                )
        elif place.exists():
            raise UsageError(f"{name} is there already, and not of chorus train; choose --name")
        elif name in _served(self.into):
            raise UsageError(f"another folder has a model named {name}; choose --name")


def _served(into: Path) -> set[str]:
    try:
        return {model.name for model in catalog.read(into)}
    except UsageError:  # a folder without models yet
        return set()
