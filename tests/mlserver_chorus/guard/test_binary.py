"""The binary tensor data extension, held against NVIDIA's own reading and writing of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserver.errors import MLServerError
from mlserver.types import (
    Datatype,
    InferenceRequest,
    InferenceResponse,
    Parameters,
    RequestOutput,
    ResponseOutput,
)
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from mlserver_chorus.guard.binary import encode, fill, split, wanted

DTYPES: dict[str, Any] = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}


def filled(raw: bytes, *inputs: dict[str, Any]) -> list[Any]:
    """What the inputs hold afterwards."""
    asked = {"inputs": [dict(one) for one in inputs]}
    fill(asked, memoryview(raw))
    return [one.get("data") for one in asked["inputs"]]


def one(size: Any, kind: Any = "BYTES", **more: Any) -> dict[str, Any]:
    return {"name": "a", "datatype": kind, "parameters": {"binary_data_size": size}, **more}


@given(texts=st.lists(st.binary(max_size=20), max_size=20))
def test_texts_are_read(texts: list[bytes]) -> None:
    raw = serialize_byte_tensor(np.array(texts, dtype=object)).item() if texts else b""
    assert filled(raw, one(len(raw))) == [texts]


@pytest.mark.parametrize("kind", DTYPES)
def test_numbers_are_read(kind: str) -> None:
    numbers = np.array([0, 1, 0, 1, 1]).astype(DTYPES[kind])
    assert filled(numbers.tobytes(), one(numbers.nbytes, kind)) == [numbers.tolist()]


def test_brain_floats_are_the_upper_half_of_floats() -> None:
    numbers = np.array([1.5, -2.0, 0.0], dtype="<f4")
    raw = numbers.view("<u2")[1::2].tobytes()
    given_ = one(len(raw), "BF16")
    fill({"inputs": [given_]}, memoryview(raw))
    assert (given_["datatype"], given_["data"]) == ("FP32", numbers.tolist())


def test_inputs_take_their_shares_in_order() -> None:
    raw = b"\x01\0\0\0a" + b"\x02\0\0\0bc" + b"\x07"
    mixed = {"name": "b", "datatype": "BYTES", "data": ["json"]}
    assert filled(raw, one(5), mixed, one(6), one(1, "UINT8")) == [[b"a"], ["json"], [b"bc"], [7]]


@pytest.mark.parametrize(
    ("raw", "inputs"),
    [
        (b"", [one(1)]),
        (b"ab", [one(1)]),
        (b"ab", []),
        (b"\x01\0\0\0a", [one(5), one(5)]),
        (b"\x02\0\0\0a", [one(5)]),
        (b"\x01\0\0", [one(3)]),
        (b"\xff\xff\xff\xff", [one(4)]),
        (b"abc", [one(3, "INT32")]),
        (b"abc", [one(3, "BF16")]),
        (b"a", [one(-1)]),
        (b"a", [one(True)]),
        (b"a", [one(1.0)]),
        (b"a", [one("1")]),
        (b"a", [one(1, data=["a"])]),
        (b"", [{"name": "a", "datatype": "BYTES", "shape": [1]}]),
        (b"", [{"name": "a", "datatype": "BYTES", "parameters": {"binary_data_size": None}}]),
    ],
)
def test_sizes_that_lie_are_refused(raw: bytes, inputs: list[dict[str, Any]]) -> None:
    with pytest.raises(MLServerError, match=r"\(binary tensor data extension\)") as refusal:
        filled(raw, *inputs)
    assert refusal.value.status_code == 400


@given(
    asked=st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["inputs", "parameters", "datatype", "data", "binary_data_size"]),
                inner,
            )
        ),
    ),
    raw=st.binary(max_size=12),
)
def test_anything_is_filled_or_refused(asked: Any, raw: bytes) -> None:
    try:
        fill(asked, memoryview(raw))
    except MLServerError:
        return


@pytest.mark.parametrize("declared", ["", "0", "6", "-1", "+5", "5.0", "٥", "9" * 30])
def test_lengths_of_the_header_that_lie_are_refused(declared: str) -> None:
    with pytest.raises(MLServerError, match="Inference-Header-Content-Length"):
        split(b"12345", declared)


def test_a_body_is_split() -> None:
    said, raw = split(b"12345", "3")
    assert (said, bytes(raw)) == (b"123", b"45")


def request(every: Any = None, *outputs: tuple[str, Any]) -> InferenceRequest:
    return InferenceRequest(
        inputs=[],
        parameters=None if every is None else Parameters(binary_data_output=every),
        outputs=[
            RequestOutput(
                name=name, parameters=None if how is None else Parameters(binary_data=how)
            )
            for name, how in outputs
        ],
    )


@pytest.mark.parametrize(
    ("asked", "binary"),
    [
        (request(), None),
        (request(False), None),
        (request(None, ("a", None), ("b", False)), None),
        (request(True), {"a": True, "b": True}),
        (request(True, ("a", False)), {"a": False, "b": True}),
        (request(None, ("a", True), ("b", None)), {"a": True, "b": False}),
    ],
)
def test_outputs_are_wanted_one_by_one(asked: InferenceRequest, binary: Any) -> None:
    wants = wanted(asked)
    assert (wants and {name: wants(name) for name in ("a", "b")}) == binary


@pytest.mark.parametrize("asked", [request(1), request("true"), request(None, ("a", 1))])
def test_a_wish_is_true_or_false(asked: InferenceRequest) -> None:
    with pytest.raises(MLServerError, match="must be true or false"):
        wanted(asked)


def test_answers_are_written_as_the_client_reads_them() -> None:
    scores = [0.25, 1.0]
    answer = InferenceResponse(
        model_name="m",
        outputs=[
            output("label", "BYTES", [b"\xc3\xa9", b""], content_type="str"),
            output("kept", "BYTES", ["in JSON"]),
            output("score", "FP32", scores),
        ],
    )
    body, length = encode(answer, lambda name: name != "kept")
    label, kept, score = json.loads(body[:length])["outputs"]
    assert kept["data"] == ["in JSON"]
    assert label["parameters"] == {"content_type": "str", "binary_data_size": 10}
    assert score["parameters"] == {"binary_data_size": 8}
    assert "data" not in label
    assert "data" not in score
    raw = body[length:]
    assert deserialize_bytes_tensor(raw[:10]).tolist() == ["é".encode(), b""]
    assert np.frombuffer(raw[10:], "<f4").tolist() == scores


def output(name: str, kind: str, data: list[Any], **parameters: str) -> ResponseOutput:
    return ResponseOutput(
        name=name,
        datatype=Datatype(kind),
        shape=[len(data)],
        data=data,
        parameters=Parameters(**parameters) if parameters else None,
    )
