"""The choice of CPU threads, on work whose speed is known."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch

from mlserver_chorus.engine import threads


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    torch.set_num_threads(threads.MOST)


def wide() -> None:
    """Work that threads divide."""
    time.sleep(0.02 / torch.get_num_threads())


def narrow() -> None:
    """Work that every further thread slows down."""
    time.sleep(0.002 * torch.get_num_threads())


@pytest.mark.parametrize("most", [1, 2, 3, 8])
def test_wide_work_gets_all_threads(most: int) -> None:
    assert threads.fastest(wide, most) == most


@pytest.mark.parametrize("most", [1, 2, 8])
def test_narrow_work_gets_one(most: int) -> None:
    assert threads.fastest(narrow, most) == 1


def test_a_number_of_threads_holds_for_the_calling_thread() -> None:
    threads.use(1)
    assert torch.get_num_threads() == 1
    threads.use(2)
    assert torch.get_num_threads() == 2
