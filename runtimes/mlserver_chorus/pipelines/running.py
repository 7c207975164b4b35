"""What a run is to both of its sides, and how it ends early once nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Left = Callable[[], bool]
"""Whether all who waited for a run have gone."""
Run = Callable[[list[Any], Left], Sequence[Any]]
"""Inputs to one result for each; on the lane's thread."""


class Stopped(Exception):
    """The run has ended early: nobody waits for it."""


class Miscounted(Exception):
    """A run has given more or fewer results than it had inputs, which is a bug."""


def counted(results: Sequence[Any], inputs: Sequence[Any]) -> Sequence[Any]:
    """The results, if there is one for each input. Raises Miscounted."""
    if len(results) != len(inputs):
        raise Miscounted(f"{len(results)} results for {len(inputs)} inputs")
    return results


def never() -> bool:
    """A Left of somebody who stays."""
    return False


@contextmanager
def stoppable(model: Any, left: Left) -> Iterator[None]:
    """Inside, each forward pass of the model first looks whether somebody waits. Raises Stopped.

    Generation passes once for each token, so it ends within a token of the last caller's leaving.
    """
    if not hasattr(model, "register_forward_pre_hook"):
        yield
        return

    def look(*_: Any) -> None:
        if left():
            raise Stopped

    hook = model.register_forward_pre_hook(look)
    try:
        yield
    finally:
        hook.remove()
