"""Which process of a run in several processes takes which tests."""

from __future__ import annotations

from typing import Final

from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

_RELIABILITY: Final = "tests/reliability/test_"
SHARING: Final = (
    ("tests/stack/",),
    ("tests/clients/",),
    ("tests/browser/",),
    ("tests/mlflow/",),
    (
        "tests/live/",
        *(f"{_RELIABILITY}{name}.py" for name in ("t13_shape_lies", "t20_everybody", "t32_reload")),
    ),
    (f"{_RELIABILITY}t39_", f"{_RELIABILITY}t40_"),
)
"""How the paths begin of files that share a server which takes long to start: a row each."""


def unit_of(test: str) -> str:
    """What goes to a process as a whole: the test's file, or all that share its server."""
    return next((row[0] for row in SHARING if test.startswith(row)), test.split("::")[0])


class LoadSharing(LoadFileScheduling):  # type: ignore[misc]
    """A process takes one unit at a time, so that a server is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
