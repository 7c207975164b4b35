"""T01: what a wrong request gets over REST: its status, the field named, nothing repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import Runtime, unexpected
from tests.live.protocol import Answer, Json, Rest, request, rest_answer, rest_path, tensor
from tests.reliability.bodies import BODIES, envelope
from tests.reliability.rows import (
    CANARY,
    DATA,
    SECRETS,
    SHAPE,
    UNKNOWN_MODELS,
    WRONG,
    WRONG_OF_ENSEMBLE,
    assert_refused,
    text,
)

JSON = {"content-type": "application/json"}
INFER = rest_path("left")


@pytest.fixture(scope="module")
def rest(faulty: Runtime) -> Iterator[httpx.Client]:
    """A client with secrets in its headers."""
    with httpx.Client(base_url=faulty.url, headers=SECRETS, timeout=30) as opened:
        yield opened


def answer_to(response: httpx.Response) -> Answer:
    assert response.headers["content-type"] == "application/json"
    return rest_answer(response.status_code, response.json())


@pytest.mark.parametrize(("asked", "field"), WRONG.values(), ids=WRONG)
def test_t01_wrong_request_is_refused(rest: httpx.Client, asked: Json, field: str) -> None:
    parameters = asked.get("parameters", {}) | {"note": CANARY}
    assert_refused(Rest(rest).infer(asked | {"parameters": parameters}, "left"), field)


@pytest.mark.parametrize(("body", "field"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("verb", ["infer", "generate"], ids=["short way", "framework's way"])
def test_t01_wrong_json_is_refused(
    rest: httpx.Client, verb: str, body: str | bytes, field: str
) -> None:
    response = rest.post(f"/v2/models/left/{verb}", content=body, headers=JSON)
    assert_refused(answer_to(response), field)


@pytest.mark.parametrize(
    ("asked", "field"), WRONG_OF_ENSEMBLE.values(), ids=WRONG_OF_ENSEMBLE.keys()
)
def test_t01_ensemble_refuses_alike(rest: httpx.Client, asked: Json, field: str) -> None:
    assert_refused(Rest(rest).infer(asked, "process"), field)


@pytest.mark.parametrize(("model", "version"), UNKNOWN_MODELS)
def test_t01_unknown_model_or_version_is_not_found(
    rest: httpx.Client, model: str, version: str
) -> None:
    assert_refused(Rest(rest).infer(request(text()), model, version), "", 404)


@pytest.mark.parametrize("shape", [[0], [0, 1], [2, 0]])
@pytest.mark.parametrize("model", ["left", "process"])
def test_t01_an_empty_tensor_has_an_empty_answer(
    rest: httpx.Client, model: str, shape: list[int]
) -> None:
    answer = Rest(rest).infer(request(tensor([], shape=shape)), model)
    assert answer.status == 200, answer.error
    for output in answer.outputs.values():
        assert output.data == []
        assert output.shape[0] == 0


@pytest.mark.parametrize(
    "body",
    [
        envelope(data=["hello"]).replace('"name"', '"name": "x", "name"', 1),
        json.dumps({"unknown": 1, **request(tensor(["hello"]))}),
        json.dumps(request(tensor([["hello"]], shape=[1, 1]))),
    ],
    ids=["duplicate key: the last wins", "unknown field", "nested data that fits the shape"],
)
def test_t01_what_is_odd_but_right_is_answered(rest: httpx.Client, body: str) -> None:
    plain = Rest(rest).infer(request(tensor(["hello"])), "left")
    odd = answer_to(rest.post(INFER, content=body, headers=JSON))
    assert odd.results == plain.results


def test_t01_a_failing_model_says_nothing(rest: httpx.Client) -> None:
    failed = Rest(rest).infer(request(tensor([f"poison {CANARY}"])), "left")
    assert_refused(failed, "", 500)


@pytest.mark.parametrize("data", [["[]"], ["[]", "[]"]], ids=str)
@pytest.mark.parametrize("content_type", ["hg_json", "hg_jsonlist"])
def test_t01_json_without_texts_is_refused(
    rest: httpx.Client, data: list[str], content_type: str
) -> None:
    assert_refused(Rest(rest).infer(request(text(data, content_type=content_type)), "left"), DATA)


@pytest.mark.parametrize(
    ("size", "raw", "beyond"),
    [
        (9, b"\x05\0\0\0hell", 0),
        (9, b"\x05\0\0\0hello?", 0),
        (9, b"", 0),
        (9, b"\xff\xff\xff\x7fhello", 0),
        (-1, b"", 0),
        ("9", b"\x05\0\0\0hello", 0),
        (None, b"\x05\0\0\0hello", 0),
        (9, b"\x05\0\0\0hello", 100),
    ],
    ids=["truncated", "too long", "missing", "lying inside", "negative", "text", "unsaid", "head"],
)
def test_t01_tensors_that_lie_are_refused(
    rest: httpx.Client, size: Any, raw: bytes, beyond: int
) -> None:
    given: Json = {"name": "text", "shape": [1], "datatype": "BYTES"}
    if size is not None:
        given["parameters"] = {"binary_data_size": size}
    head = json.dumps({"inputs": [given]}).encode()
    headers = {"inference-header-content-length": str(len(head) + beyond)}
    answer = answer_to(rest.post(INFER, content=head + raw, headers=headers))
    assert_refused(answer, "" if beyond else "inputs")
    assert "(binary tensor data extension)" in answer.error


@pytest.mark.parametrize("dimensions", [100, 2_000])
def test_t01_a_long_shape_holds_nobody_up(rest: httpx.Client, dimensions: int) -> None:
    """The product of a shape can have millions of digits."""
    response = rest.post(INFER, json=request(text(shape=[2**62] * dimensions)))
    assert_refused(answer_to(response), SHAPE)
    assert response.elapsed.total_seconds() < 2


def test_t01_refusals_are_not_news_to_the_log(faulty: Runtime, rest: httpx.Client) -> None:
    out, err = len(faulty.stdout), len(faulty.stderr)
    assert Rest(rest).infer(request(text(shape=[2])), "left").status == 400
    assert Rest(rest).infer(request(text()), "nobody").status == 404
    assert rest.post(INFER, content=b"{", headers=JSON).status_code == 400
    said = faulty.stdout[out:] + faulty.stderr[err:]
    assert CANARY not in said
    assert not unexpected(said)


def test_t01_unknown_names_leave_no_series_in_the_metrics(
    faulty: Runtime, rest: httpx.Client
) -> None:
    names: list[Any] = [f"stranger-{number}" for number in range(5)]
    for name in names:
        assert rest.post(rest_path(name), json=request(text())).status_code == 404
    page = httpx.get(f"http://127.0.0.1:{faulty.ports.metrics}/metrics").text
    assert "stranger" not in page
