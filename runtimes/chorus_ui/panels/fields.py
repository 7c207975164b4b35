"""The inputs and outputs that several tabs have."""

from __future__ import annotations

import gradio as gr
from gradio.data_classes import ImageData


def text(label: str = "Text", lines: int = 3) -> gr.Textbox:
    """A text of several lines."""
    return gr.Textbox("", label=label, lines=lines, max_lines=12)


def line(label: str, info: str | None = None) -> gr.Textbox:
    """A text of one line."""
    return gr.Textbox("", label=label, info=info, max_lines=1)


def candidates() -> gr.Textbox:
    """The labels that a zero-shot model is to choose from."""
    return line("Labels to choose from", "with commas between them")


def picture() -> gr.Image:
    """An image, uploaded or pasted; its file is sent as it comes, whatever it is."""
    image = gr.Image(
        label="Image",
        sources=["upload", "clipboard"],
        type="filepath",
        image_mode=None,
        height=300,
        buttons=[],
    )
    # gradio would open the file, and fail without a word on one that Pillow does not know. A
    # subclass would do as well, but gradio writes a file beside the source of each.
    image.preprocess = _path  # type: ignore[method-assign]
    return image


def _path(payload: ImageData | None) -> str | None:
    return payload.path if payload else None


def recording() -> gr.Audio:
    """A recording, uploaded or made with the microphone; it is sent as it comes."""
    return gr.Audio(
        label="Recording: WAV, FLAC, OGG or MP3",
        sources=["upload", "microphone"],
        type="filepath",
        editable=False,
        buttons=[],
    )


def scores(label: str = "Answer") -> gr.HTML:
    """Bars."""
    return gr.HTML(label=label, show_label=True, container=True, padding=True)


def written(label: str = "Answer") -> gr.Textbox:
    """A text that the model wrote."""
    return gr.Textbox(label=label, lines=3, interactive=False, buttons=["copy"])


def drawn(label: str) -> gr.Image:
    """A picture that the page has drawn from an answer."""
    return gr.Image(
        label=label,
        alt_text=label,
        type="pil",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
    )
