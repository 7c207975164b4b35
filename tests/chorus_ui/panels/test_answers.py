"""What tabs show, of unusual answers too."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from tests.chorus_ui.panels.opened import Opened

from chorus_ui.panels import PANELS
from chorus_ui.panels.tables import FORM as TABLE

TASKS = {panel.task for panel in PANELS}
EVIL = '<img src=x onerror="alert(1)">'
BOX = {"xmin": -9, "ymin": 5, "xmax": 9999, "ymax": 1}


def mask(mode: str = "L") -> str:
    file = io.BytesIO()
    Image.new(mode, (7, 5), 1).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def shown(task: str, answer: Any) -> str:
    """All that is shown of an answer to the first example."""
    return " ".join(map(str, display(task, answer)))


def display(task: str, answer: Any) -> list[Any]:
    """The values of the outputs; it fails where one does not fit its component."""
    opened = Opened.of(task)
    values = list(opened.show(answer, *opened.filled()))
    opened.display(values)
    return values


ODD: list[tuple[str, Any]] = [
    ("text-classification", []),
    ("text-classification", [[]]),
    ("text-classification", [[{"label": f"LABEL_{i}", "score": 0.001} for i in range(1000)]]),
    ("text-classification", [[{"label": EVIL, "score": None}]]),
    ("token-classification", []),
    ("token-classification", [{"entity_group": EVIL, "word": EVIL, "score": 0.5}]),
    ("token-classification", [{"entity": "B-X", "start": 5, "end": 900, "score": 0.5}]),
    ("zero-shot-classification", []),
    ("fill-mask", []),
    ("fill-mask", [[{"token_str": EVIL, "score": 0.1}], [{"token_str": "b", "score": 0.2}]]),
    ("question-answering", {"answer": "", "start": 0, "end": 0, "score": 0.5}),
    ("question-answering", []),
    ("table-question-answering", {"answer": EVIL, "coordinates": [[99, 99]], "cells": [EVIL]}),
    ("table-question-answering", {}),
    ("feature-extraction", [[[0.0, 0.0]]]),
    ("feature-extraction", [[[None, 1.5]] * 500]),
    ("sentence-embeddings", {"embeddings": [0.5]}),
    ("sentence-similarity", [None, -1.0, 0.5, 12.0]),
    ("sentence-ranking", [{"scores": None}, {"scores": 12.5}, {"scores": [-3.0]}]),
    ("text-generation", EVIL),
    ("conversational", EVIL),
    ("text2text-generation", [{}]),
    ("summarization", [{"summary_text": ""}]),
    ("translation", {"translation_text": EVIL}),
    ("image-classification", []),
    ("object-detection", []),
    ("object-detection", [{"label": EVIL, "score": 0.5, "box": BOX}] * 500),
    ("image-segmentation", []),
    ("image-segmentation", [{"label": EVIL, "score": None, "mask": mask("1")}] * 30),
    ("depth-estimation", {"depth": mask("I;16")}),
    ("image-feature-extraction", [[0.25, -0.25]]),
    ("image-to-text", [{"generated_text": ""}]),
    ("zero-shot-image-classification", []),
    ("zero-shot-object-detection", []),
    ("visual-question-answering", []),
    ("document-question-answering", [{"answer": EVIL}]),
    ("image-text-to-text", [{"generated_text": ""}]),
    ("audio-classification", []),
    ("automatic-speech-recognition", {"text": ""}),
    ("zero-shot-audio-classification", []),
    ("text-to-audio", b"RIFF"),
]


def test_every_tab_is_given_an_unusual_answer() -> None:
    assert {task for task, _ in ODD} == TASKS


@pytest.mark.parametrize(("task", "answer"), ODD)
def test_an_unusual_answer_is_shown(task: str, answer: Any) -> None:
    assert len(Opened.of(task).outputs) == len(display(task, answer))


HTML = ["text-classification", "object-detection", "image-segmentation", "fill-mask"]


@pytest.mark.parametrize("task", HTML)
def test_markup_in_what_is_shown_as_html_stays_text(task: str) -> None:
    text = " ".join(shown(task, answer) for name, answer in ODD if name == task)
    assert "&lt;img" in text
    assert "<img" not in text


def test_the_best_answer_is_marked_in_its_text() -> None:
    answers = [{"answer": "1873", "start": 46, "end": 50, "score": 0.9}]
    opened = Opened.of("question-answering")
    marked, bars = opened.show(answers, *opened.filled())
    assert ("1873", "answer") in marked
    assert "0.900" in bars


def test_cells_are_marked_in_the_table() -> None:
    opened = Opened.of("table-question-answering")
    question, table = opened.filled()
    table.iloc[0, 0] = EVIL
    _, drawn = TABLE.show({"answer": "x", "coordinates": [[1, 2]]}, question, table)
    assert drawn.count("<mark>") == 1
    assert "<mark>265086</mark>" in drawn
    assert "&lt;img" in drawn


def test_sentences_are_shown_nearest_first() -> None:
    text = shown("sentence-similarity", [0.1, 0.9, 0.5, 0.2])
    places = [text.index(start) for start in ("Our boat", "She bought", "The recipe", "Die Fähre")]
    assert places == sorted(places)


def test_found_things_have_the_number_and_the_colour_of_their_box() -> None:
    found = [
        {"label": name, "score": score, "box": BOX} for name, score in (("b", 0.2), ("a", 0.8))
    ]
    text = shown("object-detection", found)
    assert text.index("1 · a") < text.index("2 · b")
    assert "--chorus-mark:#e69f00" in text


def test_the_vector_of_many_tokens_is_their_mean() -> None:
    text = shown("feature-extraction", [[[1.0, 0.0], [0.0, 3.0]]])
    assert "2 numbers" in text
    assert "[0.5, 1.5]" in text


def test_a_conversation_is_shown_as_text_and_sent_on_as_it_was_said() -> None:
    opened = Opened.of("conversational")
    (talk,) = opened.show(f"<b>&amp; {EVIL}", [], f"1 < 2 && {EVIL}", 9, 0)
    assert "<" not in str(talk)
    seen = opened.returned([talk, "Go on", 9, 0])
    asked = opened.request(*seen)
    assert asked is not None
    assert [said["content"] for said in asked.json["messages"]] == [
        f"1 < 2 && {EVIL}",
        f"<b>&amp; {EVIL}",
        "Go on",
    ]
