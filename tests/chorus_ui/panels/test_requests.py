"""What tabs send."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.chorus_ui.panels.opened import Opened

from chorus_ui.errors import Hint
from chorus_ui.panels.examples.files import path
from chorus_ui.request import Attachment, Request

CAT = path("cat.png")


def sent(task: str, *values: Any) -> Request:
    """The request for these values; inputs after them are as they are at first."""
    opened = Opened.of(task)
    request = opened.request(*values, *opened.untouched()[len(values) :])
    assert request is not None
    return request


def test_an_image_is_sent_as_its_file_with_parameters_in_the_query() -> None:
    request = sent("object-detection", CAT, 0.25)
    assert request.path == "?threshold=0.25"
    assert request.content_type == "image/png"
    assert request.content == Path(CAT).read_bytes()


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.txt", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_file_is_declared_by_its_name(tmp_path: Path, name: str, declared: str) -> None:
    file = shutil.copy(CAT, tmp_path / name)
    assert sent("image-classification", str(file)).content_type == declared


def test_labels_are_cut_at_commas_and_empty_ones_left_out() -> None:
    request = sent("zero-shot-classification", "A text", " cat,, the dog ,", False)
    assert request.json["parameters"]["candidate_labels"] == ["cat", "the dog"]


@pytest.mark.parametrize("labels", ["", " , ,"])
def test_who_names_no_labels_is_told_to(labels: str) -> None:
    with pytest.raises(Hint, match="labels"):
        sent("zero-shot-image-classification", CAT, labels)


@pytest.mark.parametrize("gap", ["__", "_____", "<mask>", "[MASK]"])
def test_a_gap_is_what_the_model_calls_it(gap: str) -> None:
    request = sent("fill-mask", f"Paris is the {gap} of France.", "[MASK]")
    assert request.json == {"inputs": "Paris is the [MASK] of France."}


def test_a_text_without_a_gap_is_not_sent() -> None:
    with pytest.raises(Hint, match="underscores"):
        sent("fill-mask", "Paris is the capital.", "<mask>")


def test_a_table_goes_by_column_as_text() -> None:
    table = pd.DataFrame([["Ghent", 265086, None]], columns=["City", "", "City"])
    request = sent("table-question-answering", "How many?", table)
    assert request.json["inputs"] == {
        "query": "How many?",
        "table": {"City": ["Ghent"], "2": ["265086"], "City 3": [""]},
    }


def test_no_temperature_means_the_likeliest_words() -> None:
    assert sent("text-generation", "Once", 5, 0).json == {
        "inputs": "Once",
        "parameters": {"max_new_tokens": 5, "do_sample": False},
        "stream": True,
    }
    warm = sent("text-generation", "Once", 5, 0.7).json["parameters"]
    assert warm == {"max_new_tokens": 5, "do_sample": True, "temperature": 0.7}


def test_a_conversation_is_sent_as_a_whole() -> None:
    talk = [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "metadata": None},
        {"role": "assistant", "content": "Hello", "options": []},
    ]
    request = sent("conversational", talk, "And you?", 9, 1.0)
    assert request.path == "/v1/chat/completions"
    assert request.json["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And you?"},
    ]


def test_languages_are_sent_where_they_are_named() -> None:
    request = sent("translation", "Hello", 9, " en ", "")
    assert request.json["parameters"] == {"max_new_tokens": 9, "src_lang": "en"}


def test_a_question_has_its_image_within() -> None:
    inputs = sent("visual-question-answering", CAT, "What is it?").json["inputs"]
    assert inputs["question"] == "What is it?"
    assert inputs["image"] == Attachment(Path(CAT).read_bytes(), "photo.png")
