"""A tab as a browser has it: its examples fill its inputs, and its answer goes to its outputs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Self

import gradio as gr
from gradio.components import Component

from chorus_ui.panels import PANELS, Panel
from chorus_ui.request import Request


class Desk:
    """Keeps what a tab asks of the real one."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def run(self, **given: Any) -> None:
        self.given = given

    def stream(self, **given: Any) -> Any:
        self.given = given
        return gr.on(given["triggers"], lambda: None)


class Opened:
    """A tab that has been built."""

    def __init__(self, panel: Panel) -> None:
        desk = Desk()
        with gr.Blocks(analytics_enabled=False) as self.blocks:
            panel.build(desk, gr.Dropdown())  # type: ignore[arg-type]
        given = desk.given
        self.inputs: Sequence[Component] = given["inputs"]
        self.outputs: Sequence[Component] = given["outputs"]
        self.request: Callable[..., Request | None] = given["request"]
        self.show: Callable[..., Sequence[Any]] = given["show"]
        self.live: bool = given.get("live", False)
        self.stop: gr.Button | None = given.get("stop")

    @classmethod
    @functools.cache
    def of(cls, task: str) -> Self:
        """The tab of a task, built once for all tests: it keeps nothing of what it is asked."""
        (panel,) = [panel for panel in PANELS if panel.task == task]
        return cls(panel)

    def examples(self) -> int:
        """How many it has."""
        return len(self._data_set().samples)

    def filled(self, example: int = 0) -> list[Any]:
        """The values of the inputs as `request` gets them, once an example is clicked."""
        shown = self._data_set()
        (fill,) = [fn for fn in self.blocks.fns.values() if fn.targets == [(shown._id, "click")]]
        assert fill.fn is not None
        values = dict(zip(fill.outputs, fill.fn(example, 0), strict=True))
        return self.returned([values.get(one, one.value) for one in self.inputs])

    def untouched(self) -> list[Any]:
        """The values of the inputs as `request` gets them from a page that was just opened."""
        return self.returned([one.value for one in self.inputs])

    def returned(self, values: Sequence[Any]) -> list[Any]:
        """Values of the inputs as they come back from a browser that was sent them."""
        return [_through(one, value) for one, value in zip(self.inputs, values, strict=True)]

    def display(self, values: Sequence[Any]) -> list[Any]:
        """What the browser is sent for the outputs' values; it fails where one does not fit."""
        return [_sent(one, value) for one, value in zip(self.outputs, values, strict=True)]

    def _data_set(self) -> gr.Dataset:
        (shown,) = [one for one in self.blocks.blocks.values() if isinstance(one, gr.Dataset)]
        return shown


def _through(component: Component, value: Any) -> Any:
    """To the browser and back."""
    return component.preprocess(_sent(component, value))


def _sent(component: Component, value: Any) -> Any:
    return component.postprocess(value)  # type: ignore[no-untyped-call]
