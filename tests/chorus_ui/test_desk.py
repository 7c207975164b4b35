"""What a panel's answers and failures become; a browser shows them in tests/browser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import gradio as gr
import httpx
import pytest

from chorus_ui.desk import Desk
from chorus_ui.errors import Hint
from chorus_ui.gateway import Gateway
from chorus_ui.logs import Line
from chorus_ui.request import Request

SECRET: Final = "what a visitor wrote"


async def outcome(request: Callable[..., Request | None], show: Callable[..., Any]) -> list[Any]:
    """The values of an output, the status line, curl and Python, once somebody has asked."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=SECRET))
    with gr.Blocks() as page:
        key, text, output, model = gr.Textbox(), gr.Textbox(), gr.Textbox(), gr.Dropdown([])
        Desk(Gateway("http://gateway", transport), "http://public", key).run(
            triggers=[text.change],
            model=model,
            inputs=[text],
            request=request,
            outputs=[output],
            show=show,
        )
    (event,) = page.fns.values()
    assert event.fn is not None
    values: list[Any] = await event.fn("", "a model", SECRET)
    return values


def ask(text: str) -> Request:
    return Request(json=text)


async def test_an_answer_is_shown_with_its_time_and_its_request() -> None:
    shown, status, curl, python = await outcome(ask, lambda answer, text: (answer + text,))
    assert shown == SECRET + SECRET
    assert "ms" in status
    assert "http://public/models/a%20model" in curl
    assert "http://public/models/a%20model" in python


async def test_a_hint_and_nothing_to_ask_clear_what_was_shown() -> None:
    def hint(text: str) -> Request:
        raise Hint("Choose an image.")

    shown, status, curl, _ = await outcome(hint, ask)
    assert (shown, curl) == (None, "")
    assert "Choose an image." in status
    assert await outcome(lambda text: None, ask) == [None, "", "", ""]


async def test_an_answer_that_cannot_be_shown_is_told_and_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def show(answer: str, text: str) -> tuple[str]:
        raise KeyError(answer)

    with caplog.at_level(logging.ERROR):
        shown, status, curl, _ = await outcome(ask, show)
    assert shown is None
    assert "could not show" in status
    assert curl
    lines = [Line().format(record) for record in caplog.records]
    assert any("KeyError in" in line for line in lines)
    assert not any(SECRET in line for line in lines)
