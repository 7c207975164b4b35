"""When a caller may come back."""

from __future__ import annotations

import random


def retry_after() -> str:
    """Whole seconds, spread so that those refused at one moment do not return at one moment."""
    return str(random.randint(1, 3))  # noqa: S311
