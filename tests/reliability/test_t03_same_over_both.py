"""REST and gRPC are one server: to the same request the same answer, to a wrong one the same no."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Runtime
from tests.live.protocol import Answer, Grpc, Json, Rest, Transport, option, request, tensor
from tests.reliability.texts import TEXTS

MODELS: dict[str, list[str]] = {
    "left": ["output", "label", "score"],
    "process": ["left.label", "left.score", "right.label", "right.score"],
}
_SETTINGS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
quick = settings(max_examples=100, derandomize=True, **_SETTINGS)
many = settings(max_examples=1000, **_SETTINGS)

Question = tuple[Json, str, str]
"""A request, the model and the version that it is for."""


@pytest.fixture(scope="module")
def transports(faulty: Runtime) -> Iterator[dict[str, Transport]]:
    with (
        httpx.Client(base_url=faulty.url, timeout=30) as client,
        grpc.insecure_channel(faulty.grpc_address) as channel,
    ):
        stub = GRPCInferenceServiceStub(channel)
        yield {"REST": Rest(client), "gRPC": Grpc(stub), "raw gRPC": Grpc(stub, raw=True)}


# ------------------------------------------------------------------------------ right requests


def _as_is(texts: list[str]) -> list[str]:
    return texts


def _each_as_json(texts: list[str]) -> list[str]:
    return [json.dumps(text, ensure_ascii=False) for text in texts]


def _all_as_json(texts: list[str]) -> list[str]:
    return [json.dumps(texts)]


# How texts are written under a content type.
Write = Callable[[list[str]], list[str]]
_JSON: Sequence[Write] = (_each_as_json, _all_as_json)
WRITTEN: dict[str | None, Sequence[Write]] = {
    **dict.fromkeys((None, "hf", "str", "raw"), (_as_is,)),
    **dict.fromkeys(("hg_json", "hg_jsonlist"), _JSON),
}


@st.composite
def right_questions(draw: st.DrawFn) -> Question:
    model = draw(st.sampled_from(list(MODELS)))
    content_type = draw(st.sampled_from(list(WRITTEN)))
    write = draw(st.sampled_from(WRITTEN[content_type]))
    data = write(draw(st.lists(TEXTS, min_size=1, max_size=20)))
    name = draw(st.sampled_from(["text", "args", "array_inputs", "inputs"]))
    shape = draw(st.sampled_from([[len(data)], [len(data), 1], [1, len(data)]]))
    asked = request(tensor(data, name, shape=shape, content_type=content_type))
    options = {
        "top_k": draw(st.none() | st.integers(1, 1024)),
        "function_to_apply": draw(st.sampled_from([None, "softmax", "sigmoid", "none"])),
    }
    given = {key: value for key, value in options.items() if value is not None}
    if draw(st.booleans()):
        datatypes = {"top_k": "INT64", "function_to_apply": "BYTES"}
        asked["inputs"] += [option(key, value, datatypes[key]) for key, value in given.items()]
    elif given:
        asked["parameters"] = given
    outputs = draw(st.lists(st.sampled_from(MODELS[model]), unique=True))
    if outputs:
        asked["outputs"] = [{"name": output} for output in outputs]
    identity = draw(st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
    return asked | ({"id": identity} if identity else {}), model, ""


def assert_same_answer(transports: dict[str, Transport], question: Question) -> None:
    answers = {name: transport.infer(*question) for name, transport in transports.items()}
    assert {answer.status for answer in answers.values()} == {200}, answers
    first, *others = ({name: _exact(answer)} for name, answer in answers.items())
    for other in others:
        assert [*first.values()] == [*other.values()], (first, other)
    if "id" in question[0]:
        assert {answer.id for answer in answers.values()} == {question[0]["id"]}


def _exact(answer: Answer) -> Any:
    """Everything, with scores as the float32 that they are in the model."""
    return [
        (name, output.datatype, output.shape, output.content_type, _values(output.data))
        for name, output in answer.outputs.items()
    ]


def _values(data: list[Any]) -> list[Any]:
    return [np.float32(value) if isinstance(value, float) else value for value in data]


@quick
@given(question=right_questions())
def test_t03_same_answer(transports: dict[str, Transport], question: Question) -> None:
    assert_same_answer(transports, question)


@pytest.mark.slow
@many
@given(question=right_questions())
def test_t03_same_answer_1000_times(transports: dict[str, Transport], question: Question) -> None:
    assert_same_answer(transports, question)


# ------------------------------------------------------------------------------ wrong requests

Harm = Callable[[Json, Any], None]


def _set(where: str, field: str) -> Harm:
    def harm(asked: Json, value: Any) -> None:
        place = asked["inputs"][0] if where == "input" else asked.setdefault("parameters", {})
        place[field] = value

    return harm


def _twice(field: str) -> Harm:
    def harm(asked: Json, value: Any) -> None:
        asked[field] = [*asked.get(field, []), value, value]

    return harm


def _one_more(asked: Json, value: Any) -> None:
    asked["inputs"].append(value)


def _typed(asked: Json, value: Any) -> None:
    asked["inputs"][0].setdefault("parameters", {})["content_type"] = value


NUMBERS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
# What can be wrong, over any transport: how it is done, with what.
HARMS: dict[str, tuple[Harm, st.SearchStrategy[Any]]] = {
    "shape": (_set("input", "shape"), st.lists(NUMBERS, max_size=10)),
    "datatype": (_set("input", "datatype"), st.sampled_from(["FP32", "INT64", "BOOL", "bytes"])),
    "another datatype": (_set("input", "datatype"), NAMES),
    "input": (_set("input", "name"), NAMES),
    "content type": (_typed, NAMES),
    "top_k": (_set("parameters", "top_k"), NUMBERS | NAMES | st.booleans()),
    "function": (_set("parameters", "function_to_apply"), NAMES | NUMBERS | st.booleans()),
    "timeout": (_set("parameters", "timeout"), st.integers(-(2**63), 0) | NAMES | st.booleans()),
    "same input": (_twice("inputs"), NAMES.map(lambda name: tensor(["a"], name))),
    "same output": (_twice("outputs"), NAMES.map(lambda name: {"name": name})),
    "second text": (_one_more, st.just(tensor(["a"], "args"))),
    "input too many": (_one_more, NAMES.map(lambda name: tensor(["a"], name))),
}


@st.composite
def wrong_questions(draw: st.DrawFn) -> tuple[Question, list[str]]:
    """A right request with from one to three things wrong, or sent to nobody; and what is wrong."""
    asked, model, version = draw(right_questions())
    several = st.lists(st.sampled_from(list(HARMS)), min_size=1, max_size=3)
    wrong = draw(st.just(["model"]) | several)
    for name in wrong:
        if name == "model":
            # No slash and no dots, which are another path in REST and nothing of the kind in gRPC.
            word = st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True)
            model, version = draw(st.tuples(st.sampled_from(["left", "nobody"]), word))
        else:
            harm, values = HARMS[name]
            harm(asked, draw(values))
    return (asked, model, version), wrong


def assert_same_verdict(
    transports: dict[str, Transport], question: Question, wrong: list[str]
) -> None:
    answers = {}
    for name, transport in transports.items():
        # A number of an unknown kind can be said in JSON, but not be packed.
        with suppress(KeyError, struct.error):
            answers[name] = transport.infer(*question)
    statuses = {answer.status for answer in answers.values()}
    assert len(statuses) == 1, answers
    assert statuses < {200, 400, 404}, answers
    if len(wrong) == 1:  # of several, JSON's schema may notice another first; so may packing
        fields = {answers[name].error.partition(":")[0] for name in ("REST", "gRPC")}
        assert len(fields) == 1, answers


@quick
@given(drawn=wrong_questions())
def test_t03_same_verdict(
    transports: dict[str, Transport], drawn: tuple[Question, list[str]]
) -> None:
    assert_same_verdict(transports, *drawn)


@pytest.mark.slow
@many
@given(drawn=wrong_questions())
def test_t03_same_verdict_1000_times(
    transports: dict[str, Transport], drawn: tuple[Question, list[str]]
) -> None:
    assert_same_verdict(transports, *drawn)
