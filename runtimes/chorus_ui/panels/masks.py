"""The tab that fills a gap in a sentence."""

from __future__ import annotations

import re
from typing import Any, Final

import gradio as gr

from chorus_ui import bars
from chorus_ui.bars import Bar
from chorus_ui.errors import Hint
from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import Form
from chorus_ui.request import Request

TOKENS: Final = ("<mask>", "[MASK]")
"""RoBERTa's family and BERT's."""
GAP: Final = re.compile(r"_{2,}|<mask>|\[MASK\]")


def _request(text: str, token: str) -> Request | None:
    if not text.strip():
        return None
    if not GAP.search(text):
        raise Hint("Mark the gap with two or more underscores: The weather is __ today.")
    return Request(json={"inputs": GAP.sub(lambda _: token, text)})


def _show(value: list[Any], *_: Any) -> list[str]:
    several = bool(value) and isinstance(value[0], list)
    gaps = value if several else [value]
    return ["".join(bars.draw([_bar(one, several) for one in gap]) for gap in gaps)]


def _bar(one: dict[str, Any], several: bool) -> Bar:
    word = str(one.get("token_str", "")).strip()
    label = word if several else f"{word} · {one.get('sequence', '')}"
    return Bar(label, bars.number(one.get("score")))


FORM: Final = Form(
    inputs=lambda: [
        fields.text("Text, the gap as __", lines=2),
        gr.Radio(
            list(TOKENS),
            value=TOKENS[0],
            label="What the model calls a gap",
            info="<mask> for models like RoBERTa, [MASK] for those like BERT",
        ),
    ],
    outputs=lambda: [fields.scores()],
    request=_request,
    show=_show,
    examples=texts.GAPS,
)
