"""What a panel asks through: the events, the status line, and the request to copy."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from chorus_ui import snippets, status
from chorus_ui.errors import Hint
from chorus_ui.gateway import Gateway, GatewayError, path_of
from chorus_ui.pace import paced
from chorus_ui.request import Request

logger = logging.getLogger(__name__)

Ask = Callable[..., Request | None]
Show = Callable[..., Sequence[Any]]
Update = list[Any]
"""Values for a panel's outputs, then the status line, curl and Python."""


@dataclass(frozen=True)
class Below:
    """What stands below the outputs of a panel."""

    status: gr.HTML
    curl: gr.Code
    python: gr.Code

    @classmethod
    def build(cls, hint: str = "") -> "Below":
        """Add it where the panel is being built."""
        line = gr.HTML(
            status.hinted(hint) if hint else "", elem_classes=["chorus-live", "chorus-plain"]
        )
        with gr.Accordion("The request", open=False, elem_classes="chorus-request"):
            curl = gr.Code(
                label="curl", language="shell", interactive=False, lines=1, wrap_lines=True
            )
            python = gr.Code(
                label="Python", language="python", interactive=False, lines=1, wrap_lines=True
            )
        return cls(line, curl, python)


class Desk:
    """Joins a panel's inputs and outputs to the gateway, with the key of whoever asks."""

    def __init__(self, gateway: Gateway, public_url: str, key: gr.Textbox) -> None:
        self._gateway = gateway
        self._public_url = public_url
        self._key = key

    def run(
        self,
        *,
        triggers: Sequence[Any],
        model: gr.Dropdown | None,
        inputs: Sequence[gr.components.Component],
        request: Ask,
        outputs: Sequence[gr.components.Component],
        show: Show,
        live: bool = False,
        hint: str = "",
    ) -> Any:
        """Ask whenever one of the triggers fires, and show the answer.

        `request` gets the values of the inputs and returns what to send, None if there is nothing
        to ask, or raises Hint; without a `model`, its path is whole. `show` gets the answer's value
        and those of the inputs, and returns a value for each output. With `live`, the triggers are
        keystrokes: the last one wins. `hint` says what to do first. Returns gradio's event.
        """
        below = Below.build(hint)

        async def answer(key: str, name: str | None, *values: Any) -> Update:
            asked: Request | None = None
            try:
                asked = _addressed(request(*values), name)
                if asked is None:
                    return [*_cleared(outputs), "", "", ""]
                given = await self._gateway.send(asked, key)
                # Pictures take a while to draw, in which others are answered.
                shown = await asyncio.to_thread(show, given.value, *values)
                return [*shown, status.answered(given), *self._snippets(asked, key)]
            except Exception as error:
                return [*_cleared(outputs), _told(error), *self._snippets(asked, key)]

        return self._on(triggers, answer, model, inputs, outputs, below, live)

    def stream(
        self,
        *,
        triggers: Sequence[Any],
        stop: gr.Button,
        model: gr.Dropdown,
        inputs: Sequence[gr.components.Component],
        request: Ask,
        outputs: Sequence[gr.components.Component],
        show: Show,
        clears: Sequence[gr.Textbox] = (),
    ) -> Any:
        """Ask as `run` does, for a text in pieces: `show` gets the text so far, again and again.

        `clears` are emptied once, when the first piece comes. `stop` ends it. After an error the
        outputs keep what they have. Returns gradio's event.
        """
        below = Below.build()

        async def pieces(key: str, name: str, *values: Any) -> AsyncGenerator[Update, None]:
            asked: Request | None = None
            try:
                asked = request(*values)
                if asked is None:
                    yield [*_cleared(outputs), *_kept(clears), "", "", ""]
                    return
                emptied: Update = [""] * len(clears)
                written: Update = [*self._snippets(_addressed(asked, name), key)]
                async with aclosing(self._gateway.stream(name, asked, key)) as answers:
                    async for given in paced(answers):
                        shown = show(given.value, *values)
                        yield [*shown, *emptied, status.answered(given), *written]
                        emptied, written = _kept(emptied), _kept(written)
            except Exception as error:
                kept = _kept([*outputs, *clears])
                yield [*kept, _told(error), *self._snippets(_addressed(asked, name), key)]

        event = self._on(triggers, pieces, model, inputs, [*outputs, *clears], below, live=False)
        # Said afterwards: a piece that was on its way would say something else.
        stop.click(None, cancels=[event], api_visibility="private", queue=False).then(
            lambda: status.hinted("Stopped."),
            outputs=below.status,
            api_visibility="private",
            queue=False,
        )
        return event

    def _on(
        self,
        triggers: Sequence[Any],
        answer: Callable[..., Any],
        model: gr.Dropdown | None,
        inputs: Sequence[gr.components.Component],
        outputs: Sequence[gr.components.Component],
        below: Below,
        live: bool,
    ) -> Any:
        return gr.on(
            triggers,
            answer,
            inputs=[self._key, model or gr.State(), *inputs],
            outputs=[*outputs, below.status, below.curl, below.python],
            trigger_mode="always_last" if live else "once",
            show_progress="hidden" if live else "minimal",
            show_progress_on=list(outputs),
            concurrency_limit=None,  # of answers to wait for; the gateway bounds the work
            api_visibility="private",
        )

    def _snippets(self, asked: Request | None, key: str) -> tuple[str, str]:
        if asked is None:
            return "", ""
        url, keyed = self._public_url, bool(key)
        return snippets.curl(asked, url, keyed), snippets.python(asked, url, keyed)


def _addressed(asked: Request | None, name: str | None) -> Request | None:
    return asked.below(path_of(name)) if asked and name else asked


def _kept(outputs: Sequence[object]) -> Update:
    return [gr.skip()] * len(outputs)


def _cleared(outputs: Sequence[object]) -> list[None]:
    return [None] * len(outputs)


def _told(error: Exception) -> str:
    if isinstance(error, Hint):
        return status.hinted(str(error))
    if isinstance(error, GatewayError):
        return status.failed(str(error))
    logger.error("an answer could not be shown", exc_info=error)
    return status.failed("The page could not show this answer; the API gives it as it is.")
