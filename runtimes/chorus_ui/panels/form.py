"""How most tabs are built: inputs beside outputs, examples below, and when the model is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from chorus_ui.desk import Desk
from chorus_ui.request import Request

Components = Callable[[], Sequence[Component]]


@dataclass(frozen=True)
class Form:
    """A tab that sends its inputs and shows one answer."""

    inputs: Components
    """Adds the components whose values `request` gets."""
    outputs: Components
    """Adds the components that `show` returns a value for."""
    request: Callable[..., Request | None]
    show: Callable[..., Sequence[Any]]
    """Gets the answer, and the values of the inputs."""
    examples: Sequence[Sequence[Any]]
    """Values for the inputs; the first of each is what the example shows of itself."""
    button: str | None = None
    """What the button says that asks; without one, every change asks."""

    def build(self, desk: Desk, model: gr.Dropdown) -> None:
        """Add it below the dropdown of the models."""
        with gr.Row(equal_height=False):
            with gr.Column():
                inputs = self.inputs()
                button = gr.Button(self.button, variant="primary") if self.button else None
                filled = examples(self.examples, inputs)
            with gr.Column():
                outputs = self.outputs()
                desk.run(
                    triggers=asking(inputs, button, filled) if button else changes(inputs, model),
                    model=model,
                    inputs=inputs,
                    request=self.request,
                    outputs=outputs,
                    show=self.show,
                    live=button is None,
                )


def changes(inputs: Sequence[Any], model: gr.Dropdown) -> list[Any]:
    """The events that ask where there is no button: a change of an input, and another model."""
    return [*(one.change for one in inputs), model.input]


def asking(inputs: Sequence[Component], button: gr.Button, filled: gr.State) -> list[Any]:
    """The events that ask where there is one: a click, Enter in a text, and an example."""
    texts = [one for one in inputs if isinstance(one, gr.Textbox)]
    return [button.click, *(text.submit for text in texts), filled.change]


def examples(rows: Sequence[Sequence[Any]], inputs: Sequence[Component]) -> gr.State:
    """Add the examples, each of which fills the inputs; what is returned changes with each."""
    filled = gr.State(0)
    shown = gr.Dataset(
        components=[inputs[0]],
        samples=[[row[0]] for row in rows],
        label="Examples",
        layout="gallery",
        type="index",
    )

    def fill(index: int, before: int) -> list[Any]:
        # The copy of a file that the data set has made may be shown; the file itself may not.
        first = shown.samples[index][0]
        first = first["path"] if isinstance(first, dict) else rows[index][0]
        return [before + 1, first, *rows[index][1:]]

    shown.click(
        fill,
        [shown, filled],
        [filled, *inputs[: len(rows[0])]],
        show_progress="hidden",
        api_visibility="private",
    )
    return filled
