"""The validator that stands behind both transports, on requests of every kind."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlserver.types import InferenceRequest, Parameters, RequestInput, TensorData

from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.v2 import TEXT_INPUTS, Limits, Options, parse

KNOWN = ("output", "label", "score")
LIMITS = Limits(texts=50, chars=100)


def request(*inputs: dict[str, Any], **rest: Any) -> InferenceRequest:
    """A request as gRPC makes it: nothing is checked on the way."""
    made = [
        RequestInput.model_construct(
            name=i["name"],
            shape=i.get("shape", [1]),
            datatype=i.get("datatype", "BYTES"),
            data=TensorData.model_construct(root=i.get("data", ["a"])),
            parameters=Parameters(**i["parameters"]) if "parameters" in i else None,
        )
        for i in inputs
    ]
    parameters = Parameters(**rest["parameters"]) if "parameters" in rest else None
    return InferenceRequest.model_construct(inputs=made, parameters=parameters)


def text(**fields: Any) -> dict[str, Any]:
    return {"name": "text", **fields}


scalars = st.one_of(
    st.text(max_size=8), st.binary(max_size=8), st.integers(), st.floats(), st.booleans(), st.none()
)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=12)
dimension = st.integers(min_value=-(2**70), max_value=2**70) | st.integers(0, 4)


@settings(max_examples=400, deadline=None)
@given(
    inputs=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from((*TEXT_INPUTS, "top_k", "function_to_apply", "other")),
                "shape": st.lists(dimension, max_size=3),
                "datatype": st.sampled_from(("BYTES", "INT64", "FP32", "nonsense")),
                "data": anything,
            },
            optional={
                "parameters": st.fixed_dictionaries(
                    {"content_type": st.sampled_from(("str", "hg_json", "hg_jsonlist", "np", "x"))}
                )
            },
        ),
        max_size=3,
    ),
    parameters=st.dictionaries(st.sampled_from(("top_k", "function_to_apply", "x")), anything),
)
def test_any_request_is_understood_or_refused(
    inputs: list[dict[str, Any]], parameters: dict[str, Any]
) -> None:
    try:
        texts = parse(request(*inputs, parameters=parameters), KNOWN, LIMITS).texts
    except InvalidRequest:
        return  # nothing else may be raised
    assert len(texts) <= LIMITS.texts
    assert all(isinstance(text, str) for text in texts)


@pytest.mark.parametrize("shape", [[0], [0, 1], [3, 0]])
def test_an_empty_tensor_holds_no_text(shape: list[int]) -> None:
    assert parse(request(text(shape=shape, data=[])), KNOWN, LIMITS).texts == []


@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=3), nested=st.booleans())
def test_texts_are_read_in_row_order(shape: list[int], nested: bool) -> None:
    flat = [str(i) for i in range(math.prod(shape))]
    data: list[Any] = flat
    if nested:
        for size in reversed(shape[1:]):
            data = [data[i : i + size] for i in range(0, len(data), size)]
    limits = Limits(texts=200, chars=10)
    assert parse(request(text(shape=shape, data=data)), KNOWN, limits).texts == flat


@pytest.mark.parametrize(
    ("inputs", "parameters", "field"),
    [
        ([], {}, "inputs"),
        ([text(shape=[0])], {}, "inputs[0].data"),
        ([text(data=["[]"], parameters={"content_type": "hg_json"})], {}, "inputs[0].data"),
        ([text(shape=[2])], {}, "inputs[0].data"),
        ([text(shape=[-1])], {}, "inputs[0].shape"),
        ([text(shape=[])], {}, "inputs[0].shape"),
        ([text(shape=[2**40])], {}, "inputs[0].shape"),
        ([text(shape=[51], data=["a"] * 51)], {}, "inputs[0].shape"),
        ([text(shape=[1, 2], data=[["a"], ["b"]])], {}, "inputs[0].data"),
        ([text(shape=[1], data=[["a"]])], {}, "inputs[0].data[0]"),
        ([text(data="a")], {}, "inputs[0].data"),
        ([text(data={"a": 1})], {}, "inputs[0].data"),
        ([text(data=[None])], {}, "inputs[0].data[0]"),
        ([text(data=[3])], {}, "inputs[0].data[0]"),
        ([text(data=[b"\xff"])], {}, "inputs[0].data[0]"),
        ([text(data=["a" * 101])], {}, "inputs[0].data[0]"),
        ([text(datatype="FP32")], {}, "inputs[0].datatype"),
        ([text(), text()], {}, "inputs[1]"),
        ([text(), {"name": "args"}], {}, "inputs"),
        ([text(), {"name": "num_workers"}], {}, "inputs[1]"),
        ([text(parameters={"content_type": "np"})], {}, "inputs[0].parameters.content_type"),
        ([text()], {"content_type": "np"}, "parameters.content_type"),
        ([text(data=["{"], parameters={"content_type": "hg_json"})], {}, "inputs[0].data[0]"),
        ([text(data=["3"], parameters={"content_type": "hg_json"})], {}, "inputs[0].data[0]"),
        ([text(), {"name": "top_k", "data": [0]}], {}, "inputs[1].data[0]"),
        ([text(), {"name": "top_k", "data": [-1]}], {}, "inputs[1].data[0]"),
        ([text(), {"name": "top_k", "data": [10**9]}], {}, "inputs[1].data[0]"),
        ([text(), {"name": "top_k", "data": [True]}], {}, "inputs[1].data[0]"),
        ([text(), {"name": "top_k", "shape": [2], "data": [1, 2]}], {}, "inputs[1].shape"),
        ([text()], {"top_k": 1.5}, "parameters.top_k"),
        ([text()], {"function_to_apply": "exec"}, "parameters.function_to_apply"),
        ([text()], {"function_to_apply": ["softmax"]}, "parameters.function_to_apply"),
        ([text(), {"name": "top_k", "data": [1]}], {"top_k": 1}, "parameters.top_k"),
    ],
)
def test_a_refusal_names_the_field(
    inputs: list[dict[str, Any]], parameters: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse(request(*inputs, parameters=parameters), KNOWN, LIMITS)
    assert str(refusal.value).split(": ")[0] == field


@pytest.mark.parametrize(
    ("content_type", "data", "texts"),
    [
        (None, ["a"], ["a"]),
        ("str", [b"a"], ["a"]),
        ("raw", ["a"], ["a"]),
        ("hg_json", [json.dumps("a")], ["a"]),
        ("hg_json", [json.dumps(["a", "b"])], ["a", "b"]),
        ("hg_jsonlist", [json.dumps("a")], ["a"]),
    ],
)
def test_content_types_of_hugging_face_clients(
    content_type: str | None, data: list[Any], texts: list[str]
) -> None:
    parameters = {"content_type": content_type} if content_type else {}
    assert parse(request(text(data=data, parameters=parameters)), KNOWN, LIMITS).texts == texts


def test_options_come_as_inputs_or_parameters() -> None:
    given_as_inputs = request(
        text(),
        {"name": "top_k", "datatype": "INT64", "data": [2]},
        {"name": "function_to_apply", "data": [b"sigmoid"]},
    )
    given_as_parameters = request(text(), parameters={"top_k": 2, "function_to_apply": "sigmoid"})
    expected = Options(top_k=2, listed=True, activation="sigmoid")
    assert parse(given_as_inputs, KNOWN, LIMITS).options == expected
    assert parse(given_as_parameters, KNOWN, LIMITS).options == expected
    assert parse(request(text()), KNOWN, LIMITS).options == Options()


@pytest.mark.parametrize(("written", "top_k"), [("null", 1024), ("3", 3)])
def test_an_option_may_be_written_as_json(written: str, top_k: int) -> None:
    option = {"name": "top_k", "data": [written], "parameters": {"content_type": "hg_json"}}
    assert parse(request(text(), option), KNOWN, LIMITS).options == Options(top_k, listed=True)
    with pytest.raises(InvalidRequest, match="is not valid JSON"):
        parse(request(text(), option | {"data": ["nul"]}), KNOWN, LIMITS)
