"""The table of the tabs."""

from __future__ import annotations

import contextlib

import pytest
from tests.chorus_ui.panels.opened import Opened

from chorus_gateway.tasks.table import TASKS
from chorus_ui.errors import Hint
from chorus_ui.panels import PANELS

EACH = pytest.mark.parametrize("task", [panel.task for panel in PANELS])


def test_every_task_of_the_gateway_has_one_tab() -> None:
    assert sorted(panel.task for panel in PANELS) == sorted(TASKS)


def test_no_two_have_one_title() -> None:
    titles = [panel.title for panel in PANELS]
    assert len(set(titles)) == len(titles)


@EACH
def test_an_example_is_enough_to_ask(task: str) -> None:
    opened = Opened.of(task)
    assert opened.examples() >= 2
    for example in range(opened.examples()):
        assert opened.request(*opened.filled(example)) is not None


@EACH
def test_what_nothing_was_typed_into_asks_nothing(task: str) -> None:
    opened = Opened.of(task)
    asked = None
    with contextlib.suppress(Hint):
        asked = opened.request(*opened.untouched())
    assert asked is None


@EACH
def test_what_streams_can_be_stopped_and_nothing_else_streams(task: str) -> None:
    assert (Opened.of(task).stop is not None) is TASKS[task].streams


@EACH
def test_a_parameter_is_one_that_the_task_knows(task: str) -> None:
    opened = Opened.of(task)
    asked = opened.request(*opened.filled())
    assert asked is not None
    if asked.path.startswith("/v1/"):
        return  # OpenAI's names
    sent = asked.json.get("parameters", {}) if asked.json else _query(asked.path)
    assert set(sent) <= set(TASKS[task].parameters)


def _query(path: str) -> set[str]:
    return {pair.partition("=")[0] for pair in path.removeprefix("?").split("&") if pair}
