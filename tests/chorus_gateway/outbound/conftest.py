from __future__ import annotations

import pytest

from .names import Names, made_up


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return made_up(monkeypatch)
