"""Wrong bodies: what JSON alone can say, and what only looks like JSON."""

from __future__ import annotations

import json
from typing import Any

from tests.live.protocol import option, request
from tests.reliability.rows import CANARY, DATA, SHAPE, text


def envelope(**replaced: Any) -> str:
    """A right request as JSON, but for what is replaced."""
    return json.dumps({"inputs": [text() | replaced]})


def nested(levels: int) -> str:
    """A text within so many arrays."""
    return envelope(data=["?"]).replace('"?"', "[" * levels + '"a"' + "]" * levels)


BODIES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "body"),
    "broken": (f'{{"inputs": [{{"name": "{CANARY}"', "body"),
    "trailing garbage": (envelope() + CANARY, "body"),
    "array": (f'["{CANARY}"]', "body"),
    "string": (f'"{CANARY}"', "body"),
    "null": ("null", "body"),
    "no inputs": (f'{{"{CANARY}": 1}}', "inputs"),
    "inputs is no list": (f'{{"inputs": "{CANARY}"}}', "inputs"),
    "input is no object": (f'{{"inputs": ["{CANARY}"]}}', "inputs[0]"),
    "no name": (json.dumps({"inputs": [{"shape": [1], "datatype": "BYTES"}]}), "inputs[0].name"),
    "name is a number": (envelope(name=7), "inputs[0].name"),
    "shape is a number": (envelope(shape=1), SHAPE),
    "fractional dimension": (envelope(shape=[1.5]), SHAPE),
    "dimension of 2^70": (envelope(shape=[2**70]), SHAPE),
    "dimension in words": (envelope(shape=[CANARY]), SHAPE),
    "datatype is a number": (envelope(datatype=7), "inputs[0].datatype"),
    "data is a string": (envelope(data=CANARY), DATA),
    "data is an object": (envelope(data={CANARY: CANARY}), DATA),
    "data is null": (envelope(data=None), DATA),
    "text is null": (envelope(data=[None]), DATA),
    "text is an object": (envelope(data=[{CANARY: 1}]), DATA),
    "text is a list": (envelope(data=[[CANARY]]), DATA),
    "nesting is ragged": (envelope(data=[["a"], ["b", CANARY]], shape=[2, 1]), DATA),
    "nesting is half-way": (envelope(data=[["a"], CANARY], shape=[2, 1]), DATA),
    "nesting is too deep": (envelope(data=[[["a"]], [[CANARY]]], shape=[2, 1]), DATA),
    "nesting is another": (envelope(data=[["a", CANARY]], shape=[2, 1]), DATA),
    "nesting of 50 levels": (nested(50), DATA),
    "nesting of 500 levels": (nested(500), "body"),
    "depth 100,000": ("[" * 100_000, "body"),
    "NaN": (envelope(data=["?"]).replace('"?"', "NaN"), "body"),
    "1e400": (envelope(data=["?"]).replace('"?"', "1e400"), "body"),
    "half a character": (envelope(data=["?"]).replace('"?"', '"\\ud800"'), "body"),
    "invalid UTF-8": (envelope(data=["?"]).encode().replace(b"?", b"\xff\xfe"), "body"),
    "id is a number": (json.dumps({"id": 7, "inputs": [text()]}), "id"),
    "outputs is no list": (json.dumps({"inputs": [text()], "outputs": CANARY}), "outputs"),
    "parameters is a list": (
        json.dumps({"inputs": [text()], "parameters": [CANARY]}),
        "parameters",
    ),
    "headers in the body": (
        json.dumps({"inputs": [text()], "parameters": {"headers": CANARY}}),
        "parameters.headers",
    ),
    "content type is a number": (
        json.dumps({"inputs": [text()], "parameters": {"content_type": 7}}),
        "parameters.content_type",
    ),
    "top_k is fractional": (json.dumps(request(text(), top_k=1.5)), "parameters.top_k"),
    "top_k is a list": (json.dumps(request(text(), top_k=[1])), "parameters.top_k"),
    "top_k is an object": (
        json.dumps(request(text(), option("top_k", {CANARY: 1}))),
        "inputs[1].data[0]",
    ),
    "function_to_apply is a list": (
        json.dumps(request(text(), function_to_apply=[CANARY])),
        "parameters.function_to_apply",
    ),
    "function_to_apply is an object": (
        json.dumps(request(text(), option("function_to_apply", {CANARY: 1}))),
        "inputs[1].data[0]",
    ),
}
