"""What a wrong request gets, whatever it comes over: a row says what is wrong, and what is said."""

from __future__ import annotations

import json
from typing import Any

from tests.live.protocol import Answer, Json, option, request, tensor

CANARY = "canary-3f9c"
SECRETS = {"x-canary": CANARY, "authorization": f"Bearer {CANARY}"}
# What an answer must never hold: the caller's words, or ours from behind the scenes.
UNSPEAKABLE = (CANARY, "Traceback", "Error", "mlserver", "site-packages", ".py", "pydantic")


def assert_refused(answer: Answer, field: str, status: int = 400) -> None:
    assert answer.status == status, answer
    assert answer.error.startswith(field), answer.error
    for word in UNSPEAKABLE:
        assert word not in answer.error


def text(data: Any = (CANARY,), **given: Any) -> Json:
    return tensor(list(data) if isinstance(data, tuple) else data, **given)


SHAPE = "inputs[0].shape"
DATA = "inputs[0].data"
# What is wrong: the request, the field that its refusal starts with.
WRONG: dict[str, tuple[Json, str]] = (
    {
        "no inputs": (request(), "inputs"),
        "shape says more": (request(text(shape=[2])), DATA),
        "shape says fewer": (request(text((CANARY, "b"), shape=[1])), DATA),
        "shape says more, matrix": (request(text(shape=[3, 1])), DATA),
        "shape says none": (request(text(shape=[0])), DATA),
        "shape is negative": (request(text(shape=[-1])), SHAPE),
        "shape is doubly negative": (request(text(shape=[-1, -1])), SHAPE),
        "shape is empty": (request(text(shape=[])), SHAPE),
        "shape of 2^40": (request(text(shape=[2**40])), SHAPE),
        "shape beyond 64 bits": (request(text(shape=[2**62] * 4)), SHAPE),
        "FP32 with strings": (request(text(datatype="FP32")), "inputs[0].datatype"),
        "INT64 with numbers": (request(text([1], datatype="INT64")), "inputs[0].datatype"),
        "unknown datatype": (request(text(datatype=CANARY)), "inputs[0].datatype"),
        "datatype in lower case": (request(text(datatype="bytes")), "inputs[0].datatype"),
        "BYTES with a number": (request(text([1])), f"{DATA}[0]"),
        "BYTES with a boolean": (request(text([True])), f"{DATA}[0]"),
        "too many texts": (request(text([CANARY] * 4097)), SHAPE),
        "text too long": (request(text([CANARY + "a" * 1_000_000])), f"{DATA}[0]"),
        "one of many too long": (request(text([CANARY, "a" * 1_000_001])), f"{DATA}[1]"),
        "input twice": (request(text(), text()), "inputs[1]"),
        "option twice": (
            request(text(), option("top_k", 1, "INT64"), option("top_k", 2, "INT64")),
            "inputs[2]",
        ),
        "texts under two names": (request(text(), text(name="args")), "inputs"),
        "no texts, only an option": (request(option("top_k", 1, "INT64")), "inputs"),
        "unknown input": (request(text(), text(name=CANARY)), "inputs[1]"),
        "pipeline's own argument": (
            request(text(), option("num_workers", 2, "INT64")),
            "inputs[1]",
        ),
        "nameless input": (request(text(name="")), "inputs[0]"),
        "unknown output": (request(text(), outputs=[CANARY]), "outputs[0]"),
        "output twice": (request(text(), outputs=["label", "label"]), "outputs[1]"),
        "unknown content type": (
            request(text(content_type=CANARY)),
            "inputs[0].parameters.content_type",
        ),
        "unknown content type of all": (
            request(text(), content_type=CANARY),
            "parameters.content_type",
        ),
        "hg_json that is none": (request(text(content_type="hg_json")), f"{DATA}[0]"),
        "hg_json with a number": (request(text(["7"], content_type="hg_json")), f"{DATA}[0]"),
        "hg_json with an object": (
            request(text([json.dumps({"text": CANARY})], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "hg_json with a mixed list": (
            request(text([json.dumps([CANARY, 1])], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "hg_json of great depth": (
            request(text(["[" * 10**6], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "hg_json, many texts in one": (
            request(text([json.dumps([CANARY] * 4097)], content_type="hg_json")),
            "inputs[0]",
        ),
        "hg_jsonlist, the second wrong": (
            request(text(['"a"', CANARY], content_type="hg_jsonlist")),
            f"{DATA}[1]",
        ),
        "hg_json with half a character": (
            request(text(['"\\ud800"'], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "option of two values": (
            request(text(), tensor([1, 2], "top_k", datatype="INT64")),
            "inputs[1]",
        ),
        "option of no value": (request(text(), tensor([], "top_k", datatype="INT64")), "inputs[1]"),
        "option given twice": (
            request(text(), option("top_k", 1, "INT64"), top_k=1),
            "parameters.top_k",
        ),
    }
    | {
        f"top_k {value!r} as {kind}": (asked, field)
        for value in (0, -1, 1025, 10**9, CANARY, "", "-1", "9" * 30, "٣", True)
        for kind, asked, field in (
            ("input", request(text(), option("top_k", value)), "inputs[1].data[0]"),
            ("parameter", request(text(), top_k=value), "parameters.top_k"),
        )
    }
    | {
        f"function_to_apply {value!r} as {kind}": (asked, field)
        for value in (CANARY, "", "SOFTMAX", 1, True)
        for kind, asked, field in (
            ("input", request(text(), option("function_to_apply", value)), "inputs[1].data[0]"),
            ("parameter", request(text(), function_to_apply=value), "parameters.function_to_apply"),
        )
    }
)

# Wrong for an ensemble of `left` and `right`.
WRONG_OF_ENSEMBLE: dict[str, tuple[Json, str]] = {
    "shape": (request(text(shape=[2])), DATA),
    "a classifier's output": (request(text(), outputs=["output"]), "outputs[0]"),
    "unknown output": (request(text(), outputs=["left.logits"]), "outputs[0]"),
    "option": (request(text(), top_k=0), "parameters.top_k"),
}

# A model and a version that nobody has.
UNKNOWN_MODELS = [("nobody", ""), ("nobody", "1"), ("left", "1"), ("left", "v2"), ("Left", "")]
