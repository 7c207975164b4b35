"""The tab to talk with a model, shown as it answers."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from chorus_ui.desk import Desk
from chorus_ui.errors import Hint
from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import asking, examples
from chorus_ui.panels.generation import temperature
from chorus_ui.panels.writing import length
from chorus_ui.request import Request

Message = dict[str, Any]


def build(desk: Desk, model: gr.Dropdown) -> None:
    """Add the tab."""
    # gr.Chatbot shows all texts as HTML, and its sanitizer lets images load: we escape instead.
    talk = gr.Chatbot(label="Conversation", render_markdown=False, sanitize_html=False, buttons=[])
    message = fields.line("Your message")
    with gr.Row():
        button = gr.Button("Send", variant="primary", min_width=80)
        stop = gr.Button("Stop", min_width=80)
        new = gr.Button("New conversation", min_width=80)
    filled = examples(texts.GREETINGS, [message])
    with gr.Accordion("Options", open=False):
        options = [length(120), temperature()]
    talking = desk.stream(
        triggers=asking([message], button, filled),
        stop=stop,
        model=model,
        inputs=[talk, message, *options],
        request=_request,
        outputs=[talk],
        show=_show,
        clears=[message],
    )
    new.click(lambda: None, outputs=talk, cancels=[talking], api_visibility="private", queue=False)


def _request(talk: list[Message], message: str, tokens: float, heat: float) -> Request:
    if not message.strip():
        raise Hint("Type a message, or choose an example.")  # the conversation stays
    messages = [*map(_said, talk), {"role": "user", "content": message}]
    asked = {"messages": messages, "max_tokens": int(tokens), "temperature": heat, "stream": True}
    return Request("/v1/chat/completions", json=asked)


def _show(so_far: str, talk: list[Message], message: str, *_: Any) -> list[list[Message]]:
    return [[*talk, _shown("user", message), _shown("assistant", so_far)]]


def _shown(role: str, text: str) -> Message:
    return {"role": role, "content": html.escape(text, quote=False)}


def _said(message: Message) -> Message:
    """What was said, of all that gr.Chatbot keeps of a message."""
    content = message["content"]
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return {"role": message["role"], "content": html.unescape(content)}
