"""The tab that goes on with a text, shown as it is written."""

from __future__ import annotations

from typing import Any

import gradio as gr

from chorus_ui.desk import Desk
from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import asking, examples
from chorus_ui.panels.writing import length
from chorus_ui.request import Request


def build(desk: Desk, model: gr.Dropdown) -> None:
    """Add the tab."""
    with gr.Row(equal_height=False):
        with gr.Column():
            inputs = [fields.text("Beginning"), length(60), temperature()]
            with gr.Row():
                button = gr.Button("Write", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            filled = examples(texts.BEGINNINGS, inputs)
        with gr.Column():
            outputs = [fields.written("Text")]
            desk.stream(
                triggers=asking(inputs, button, filled),
                stop=stop,
                model=model,
                inputs=inputs,
                request=_request,
                outputs=outputs,
                show=_show,
            )


def temperature() -> gr.Slider:
    """How freely the model chooses its words."""
    return gr.Slider(
        0, 2, 0, step=0.1, label="Temperature", info="0: always the likeliest word; 1: as it may be"
    )


def _request(text: str, tokens: float, heat: float) -> Request | None:
    if not text:
        return None
    parameters = {"max_new_tokens": int(tokens), **sampling(heat)}
    return Request(json={"inputs": text, "parameters": parameters, "stream": True})


def sampling(heat: float) -> dict[str, Any]:
    """The parameters of a temperature: 0 takes no chances."""
    return {"do_sample": True, "temperature": heat} if heat else {"do_sample": False}


def _show(so_far: str, text: str, *_: Any) -> list[str]:
    return [text + so_far]
