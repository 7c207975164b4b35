"""The first tab: one text in, every classifier's answer out."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import gradio as gr

from chorus_ui.bars import Bar, draw, number
from chorus_ui.desk import Desk
from chorus_ui.errors import Hint
from chorus_ui.request import Request

PATH: Final = "/process"


class Judge(NamedTuple):
    """What a classifier judges, and what its labels mean where they do not say so themselves."""

    question: str
    meanings: Mapping[str, str] = {}


JUDGES: Final[Mapping[str, Judge]] = {
    "cardiffnlp": Judge("Sentiment"),
    "ivanlau": Judge("Language"),
    "svalabs": Judge("Crypto spam"),
    "EIStakovskii": Judge("Toxicity", {"LABEL_0": "not toxic", "LABEL_1": "toxic"}),
    "jy46604790": Judge("Fake news", {"LABEL_0": "fake", "LABEL_1": "real"}),
}
"""By name; a classifier that is not among them is shown by its name alone."""

EXAMPLES: Final = (
    "This is how true happiness looks like 👍😜",
    "Der Zug hatte schon wieder zwei Stunden Verspätung.",
    "यह किताब मुझे बहुत पसंद आई।",
    "كان الطعام لذيذًا والخدمة سريعة",
    "我们明天下午三点在图书馆见面。",
    "Send 0.1 BTC to this wallet and get 1 BTC back within the hour! 🚀🚀",
    "You are such a silly fool, nobody wants to hear this.",
    "Scientists confirm: the Moon is hollow and full of cheese",
)


HINT: Final = "Type a text, or choose an example."


def build(desk: Desk) -> None:
    """Add the tab's content, within `gr.Tab`."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280, elem_id="process-left"):
            text = gr.Textbox(
                label="A text, in any language",
                placeholder="Type, and every classifier answers",
                max_lines=10,  # with more than one to begin with, Enter would not ask
                autofocus=True,
                elem_id="process-text",
            )
            shown = gr.Examples(
                [[example] for example in EXAMPLES],
                text,
                cache_examples=False,
                examples_per_page=len(EXAMPLES),
                api_visibility="private",
            )
            shown.dataset.elem_id = "process-examples"
        with gr.Column(min_width=280, elem_id="process-right"):
            answers = gr.HTML(
                elem_id="process-answers", elem_classes=["chorus-live", "chorus-plain"]
            )
            desk.run(
                triggers=[text.change, text.submit],
                model=None,
                inputs=[text],
                request=request,
                outputs=[answers],
                show=show,
                live=True,
                hint=HINT,
            )


def request(text: str) -> Request:
    """Ask for every classifier's answer. Raises Hint where there is no text."""
    if not text:
        raise Hint(HINT)
    return Request(PATH, json=text)


def show(answer: Mapping[str, Mapping[str, Any]], text: str) -> tuple[str]:
    """Draw a bar for each answer."""
    return (draw([_bar(name, given) for name, given in answer.items()]),)


def _bar(name: str, given: Mapping[str, Any]) -> Bar:
    judge = JUDGES.get(name)
    label = str(given["label"])
    meaning = judge.meanings.get(label) if judge else None
    return Bar(
        label=f"{label} · {meaning}" if meaning else label,
        score=number(given["score"]),
        title=judge.question if judge else name,
        subtitle=name if judge else "",
    )
