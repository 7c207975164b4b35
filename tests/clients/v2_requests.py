"""Requests in V2 as a client of that protocol writes them: plain tensors, no content types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.clients import files

PICTURE: Final = files.text(files.png())

Tensor = tuple[str, str, list[Any]]
"""Name, datatype, values."""


class Request(NamedTuple):
    """One inference, and the check of its elements (JSON values, one per input)."""

    model: str
    inputs: list[Tensor]
    check: Callable[[list[Any]], None]

    def as_json(self) -> dict[str, Any]:
        """The body of a REST call."""
        keys = ("name", "datatype", "shape", "data")
        inputs = [dict(zip(keys, (n, t, [len(v)], v), strict=True)) for n, t, v in self.inputs]
        return {"inputs": inputs}


def _labelled(count: int) -> Callable[[list[Any]], None]:
    def check(found: list[Any]) -> None:
        assert len(found) == count
        assert all(0 <= one["score"] <= 1 for one in found)

    return check


def _zero_shot(found: list[Any]) -> None:
    assert [one["sequence"] for one in found] == ["A pet", "A storm"]
    assert all(sorted(one["labels"]) == ["cat", "rain"] for one in found)


def _generated(found: list[Any]) -> None:
    assert len(found) == 1
    (one,) = found[0]
    assert one["generated_text"].startswith("Hello")


def _answered(found: list[Any]) -> None:
    contexts = ["The tower is in Paris.", "He is ten."]
    for one, context in zip(found, contexts, strict=True):
        assert one["answer"] == context[one["start"] : one["end"]]


def _tabled(found: list[Any]) -> None:
    (one,) = found
    assert {"answer", "coordinates", "cells"} <= one.keys()


def _vectors(found: list[Any]) -> None:
    (one,) = found
    assert isinstance(one[0][0][0], float)


def _ranked(found: list[Any]) -> None:
    (one,) = found
    scores = [label["score"] for label in one]
    assert scores == sorted(scores, reverse=True)


TABLE: Final = json.dumps({"query": "How many?", "table": {"city": ["Paris"], "people": ["2"]}})

REQUESTS: Final[dict[str, Request]] = {
    "one text": Request("text-classification", [("args", "BYTES", ["I like you"])], _labelled(1)),
    "two texts": Request(
        "text-classification", [("array_inputs", "BYTES", ["I like you", "No"])], _labelled(2)
    ),
    "one text, an option": Request(
        "text-classification",
        [("args", "BYTES", ["I like you"]), ("top_k", "INT64", [2])],
        _labelled(2),
    ),
    "labels of the caller": Request(
        "zero-shot-classification",
        [
            ("array_inputs", "BYTES", ["A pet", "A storm"]),
            ("candidate_labels", "BYTES", ["cat", "rain"]),
        ],
        _zero_shot,
    ),
    "text, generated": Request(
        "text-generation",
        [
            ("array_inputs", "BYTES", ["Hello"]),
            ("max_new_tokens", "INT64", [5]),
            ("do_sample", "BOOL", [False]),
        ],
        _generated,
    ),
    "questions": Request(
        "question-answering",
        [
            ("question", "BYTES", ["Where?", "How old?"]),
            ("context", "BYTES", ["The tower is in Paris.", "He is ten."]),
        ],
        _answered,
    ),
    "a table": Request("table-question-answering", [("array_inputs", "BYTES", [TABLE])], _tabled),
    "vectors": Request("feature-extraction", [("args", "BYTES", ["Hello"])], _vectors),
    "an image": Request("image-classification", [("inputs", "BYTES", [PICTURE])], _ranked),
    "a recording": Request(
        "audio-classification", [("inputs", "BYTES", [files.text(files.wav())])], _ranked
    ),
}
