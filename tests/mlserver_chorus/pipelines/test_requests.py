"""V2 requests to inputs and options, as both transports deliver them."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mlserver.types import InferenceRequest
from PIL import Image

from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines.inputs import Reader
from mlserver_chorus.pipelines.media import Budget
from mlserver_chorus.pipelines.requests import Call, Rules, checked, parse
from mlserver_chorus.pipelines.tasks import TASKS
from mlserver_chorus.pipelines.undecoded import decoded

Json = dict[str, Any]


def tensor(
    data: list[Any], name: str = "array_inputs", how: str | None = None, **given: Any
) -> Json:
    made = {"name": name, "shape": [len(data)], "datatype": "BYTES", "data": data, **given}
    return made | ({"parameters": {"content_type": how}} if how else {})


def read(task: str, *inputs: Json, defaults: Json | None = None, **parameters: Any) -> Call:
    request = InferenceRequest(inputs=list(inputs), parameters=parameters)
    rules = Rules(TASKS[task], 16, 100, defaults or {})
    reader = Reader(TASKS[task], 1000, Budget(1_000_000, 60.0), 16000)
    call = parse(request, rules, reader)
    return replace(call, inputs=decoded(call.inputs))


def picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (8, 6)).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


URI = "data:image/png;base64," + picture()
LABELS = tensor(["a", "b"], "candidate_labels")
CHAT = [{"role": "user", "content": "hi"}]
OLD = {"uuid": "u", "past_user_inputs": ["a"], "generated_responses": ["b"], "new_user_input": "c"}

TEXTS: list[tuple[Json, list[str]]] = [
    (tensor(["a", "b"]), ["a", "b"]),
    (tensor([b"a"]), ["a"]),
    (tensor(["a"], "args", "str"), ["a"]),
    (tensor(["a"], "inputs", "raw"), ["a"]),
    (tensor(['["a", "b"]'], how="hg_json"), ["a", "b"]),
    (tensor(['"a"', b'"b"'], how="hg_jsonlist"), ["a", "b"]),
    (tensor([["a"], ["b"]], shape=[2, 1]), ["a", "b"]),
]


@pytest.mark.parametrize(("given", "texts"), TEXTS)
def test_texts_in_every_form(given: Json, texts: list[str]) -> None:
    assert read("summarization", given).inputs == texts


def test_the_content_type_may_be_the_request_s() -> None:
    assert read("summarization", tensor(['["a"]']), content_type="hg_json").inputs == ["a"]


RECORDS: list[tuple[str, list[Json], Any]] = [
    ("text-generation", [tensor([json.dumps(CHAT)], how="hg_jsonlist")], [CHAT]),
    ("text-generation", [tensor([json.dumps([CHAT, CHAT])], how="hg_json")], [CHAT, CHAT]),
    ("conversational", [tensor([json.dumps(CHAT)], how="hg_jsonlist")], [CHAT]),
    ("conversational", [tensor([json.dumps(OLD)], how="hg_conversation")], [OLD]),
    (
        "question-answering",
        [tensor(["q", "r"], "question"), tensor(["c", "d"], "context")],
        [{"question": "q", "context": "c"}, {"question": "r", "context": "d"}],
    ),
    (
        "question-answering",
        [tensor([json.dumps({"question": "q", "context": "c"})], how="hg_jsonlist")],
        [{"question": "q", "context": "c"}],
    ),
    (
        "table-question-answering",
        [tensor([json.dumps({"question": "q", "table": {"n": [1, "2"]}})], how="hg_jsonlist")],
        [{"query": "q", "table": {"n": ["1", "2"]}}],
    ),
    (
        "sentence-similarity",
        [tensor([json.dumps({"source_sentence": "a", "sentences": ["b"]})], how="hg_jsonlist")],
        [{"source_sentence": "a", "sentences": ["b"]}],
    ),
    ("sentence-ranking", [tensor(['["q", "t"]'], how="hg_jsonlist")], [["q", "t"]]),
    (
        "text-classification",
        [tensor(['{"text": "a", "text_pair": "b"}'], how="hg_jsonlist")],
        [{"text": "a", "text_pair": "b"}],
    ),
]


@pytest.mark.parametrize(("task", "inputs", "made"), RECORDS)
def test_records_in_every_form(task: str, inputs: list[Json], made: Any) -> None:
    assert read(task, *inputs).inputs == made


@pytest.mark.parametrize("content_type", [None, "hf"])
def test_an_input_that_says_nothing_is_what_the_task_declares(content_type: str | None) -> None:
    record = {"source_sentence": "a", "sentences": ["b"]}
    asked = tensor([json.dumps(record)])
    assert read("sentence-similarity", asked, content_type=content_type).inputs == [record]


IMAGES: list[tuple[str, Json]] = [
    ("image-classification", tensor([picture()], "inputs", "pillow_image")),
    ("image-classification", tensor([picture()], "inputs", "base64")),
    ("image-classification", tensor([URI], "inputs", "str")),
    ("image-classification", tensor([base64.b64decode(picture())], "inputs")),
    (
        "image-classification",
        tensor([0] * 144, "inputs", "nplist", shape=[1, 6, 8, 3], datatype="UINT8"),
    ),
    ("image-classification", tensor([0] * 144, "inputs", "np", shape=[6, 8, 3], datatype="UINT8")),
]


@pytest.mark.parametrize(("task", "given"), IMAGES)
def test_images_in_every_form(task: str, given: Json) -> None:
    (made,) = read(task, given).inputs
    assert made.size == (8, 6)


def test_images_inside_records() -> None:
    asked = tensor([json.dumps({"image": URI, "question": "q"})], how="hg_jsonlist")
    (made,) = read("visual-question-answering", asked).inputs
    assert (made["image"].size, made["question"]) == ((8, 6), "q")


def test_images_inside_chats() -> None:
    part = {"type": "image_url", "image_url": {"url": URI}}
    chat = [{"role": "user", "content": [part, {"type": "text", "text": "what?"}]}]
    (made,) = read("image-text-to-text", tensor([json.dumps(chat)], how="hg_jsonlist")).inputs
    assert made[0]["content"][0]["image"].size == (8, 6)
    assert set(made[0]["content"][0]) == {"type", "image"}


def test_audio_as_samples() -> None:
    given = tensor([0.0, 0.5] * 400, "inputs", "nplist", shape=[2, 400], datatype="FP32")
    first, second = read("audio-classification", given).inputs
    assert first.tolist() == second.tolist() == [0.0, 0.5] * 200
    assert first.dtype == np.float32


def test_options_from_inputs_parameters_and_groups() -> None:
    call = read(
        "text-generation",
        tensor(["a"]),
        tensor(["3"], "max_new_tokens", "raw"),
        tensor([0.5], "temperature", "raw", datatype="FP32"),
        tensor(['{"top_p": 0.5, "do_sample": true, "seed": null}'], "generate_kwargs", "hg_json"),
        tensor(['["x"]'], "stop", "hg_json"),
        num_beams=2,
        headers={"a": "b"},
        binary_data_output=False,
    )
    assert call.options == {
        "max_new_tokens": 3,
        "temperature": 0.5,
        "top_p": 0.5,
        "do_sample": True,
        "stop": ["x"],
        "num_beams": 2,
    }


def test_a_request_s_option_comes_before_the_model_s() -> None:
    call = read(
        "fill-mask", tensor(["a"]), tensor([3], "top_k", datatype="INT64"), defaults={"top_k": 7}
    )
    assert call.options == {"top_k": 3}
    assert read("fill-mask", tensor(["a"]), defaults={"top_k": 7}).options == {"top_k": 7}


def test_null_is_an_answer_to_top_k_and_the_default_elsewhere() -> None:
    null = tensor(["null"], "top_k", "hg_json")
    assert read("text-classification", tensor(["a"]), null).options == {"top_k": None}
    assert read("fill-mask", tensor(["a"]), null).options == {}


def test_labels_in_every_form() -> None:
    for labels in (LABELS, tensor(["a, b"], "candidate_labels", "raw")):
        call = read("zero-shot-classification", tensor(["x"]), labels)
        assert call.options == {"candidate_labels": ["a", "b"]}
    call = read("zero-shot-classification", tensor(["x"]), candidate_labels=["a", "b"])
    assert call.options == {"candidate_labels": ["a", "b"]}


def test_args_with_top_k_is_flat() -> None:
    option = tensor([1], "top_k", "raw", datatype="INT64")
    assert read("text-classification", tensor(["a"], "args"), option).flat
    assert not read("text-classification", tensor(["a"]), option).flat
    assert not read("text-classification", tensor(["a", "b"], "args"), option).flat
    assert not read("text-classification", tensor(["a"], "args")).flat


WRONG: dict[str, tuple[str, list[Json], str]] = {
    "no input": ("fill-mask", [], "inputs"),
    "two inputs": ("fill-mask", [tensor(["a"]), tensor(["b"], "args")], "inputs"),
    "twice the same": ("fill-mask", [tensor(["a"]), tensor(["b"])], "inputs[1]"),
    "shape says more": ("fill-mask", [tensor(["a"], shape=[2])], "inputs[0].data"),
    "shape says fewer": ("fill-mask", [tensor(["a", "b"], shape=[1])], "inputs[0].data"),
    "shape is negative": ("fill-mask", [tensor(["a"], shape=[-1])], "inputs[0].shape"),
    "too many": ("fill-mask", [tensor(["a"] * 17)], "inputs[0].shape"),
    "too many in a list": (
        "fill-mask",
        [tensor([json.dumps(["a"] * 17)], how="hg_json")],
        "inputs",
    ),
    "too long": ("fill-mask", [tensor(["a" * 1001])], "inputs[0].data[0]"),
    "a number": ("fill-mask", [tensor([3], datatype="INT64")], "inputs[0].data[0]"),
    "not UTF-8": ("fill-mask", [tensor([b"\xff"])], "inputs[0].data[0]"),
    "half a character": ("fill-mask", [tensor(['"\\ud800"'], how="hg_json")], "inputs[0].data[0]"),
    "no JSON": ("fill-mask", [tensor(["{"], how="hg_json")], "inputs[0].data[0]"),
    "NaN": ("fill-mask", [tensor(["NaN"], how="hg_json")], "inputs[0].data[0]"),
    "content type": ("fill-mask", [tensor(["a"], how="pd")], "inputs[0].parameters.content_type"),
    "unknown option": ("fill-mask", [tensor(["a"]), tensor(["1"], "num_workers")], "inputs[1]"),
    "wrong option": ("fill-mask", [tensor(["a"]), tensor(["x"], "top_k")], "inputs[1] top_k"),
    "labels missing": ("zero-shot-classification", [tensor(["a"])], "candidate_labels"),
    "unequal columns": (
        "question-answering",
        [tensor(["q"], "question"), tensor(["c", "d"], "context")],
        "inputs",
    ),
    "half a record": ("question-answering", [tensor(["q"], "question")], "inputs, record 0"),
    "unknown key": (
        "question-answering",
        [tensor(['{"question": "q", "context": "c", "x": 1}'], how="hg_json")],
        "inputs[0].data[0]",
    ),
    "no record": ("question-answering", [tensor(["q"])], "inputs[0].data[0]"),
    "uneven table": (
        "table-question-answering",
        [tensor(['{"query": "q", "table": {"a": ["1"], "b": []}}'], how="hg_json")],
        "inputs[0].data[0].table",
    ),
    "path as an image": ("image-classification", [tensor(["/etc/passwd"])], "inputs[0].data[0]"),
    "URL as an image": ("image-classification", [tensor(["http://h/a"])], "inputs[0].data[0]"),
    "URL in a record": (
        "visual-question-answering",
        [tensor(['{"image": "http://h/a", "question": "q"}'], how="hg_json")],
        "inputs[0].data[0].image",
    ),
    "URL in a chat": (
        "image-text-to-text",
        [
            tensor(
                ['[{"role": "u", "content": [{"type": "image", "url": "http://h/a"}]}]'],
                how="hg_jsonlist",
            )
        ],
        "inputs[0].data[0][0].content[0].image",
    ),
    "path in a chat": (
        "image-text-to-text",
        [
            tensor(
                ['[{"role": "u", "content": [{"type": "image", "path": "/etc/passwd"}]}]'],
                how="hg_jsonlist",
            )
        ],
        "inputs[0].data[0][0].content[0]",
    ),
    "path as audio": ("audio-classification", [tensor(["/etc/passwd"])], "inputs[0].data[0]"),
    "a chat with more": (
        "text-generation",
        [tensor(['[{"role": "u", "content": "c", "x": 1}]'], how="hg_jsonlist")],
        "inputs[0].data[0][0]",
    ),
    "samples that lie": (
        "audio-classification",
        [tensor([0.5], "inputs", "nplist", shape=[1, 2], datatype="FP32")],
        "inputs[0].data",
    ),
}


@pytest.mark.parametrize(("task", "inputs", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_where_it_is(task: str, inputs: list[Json], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(task, *inputs)
    assert str(refused.value).startswith(f"{field}: ")
    assert "passwd" not in str(refused.value)


@pytest.mark.parametrize(
    "parameters", [{"canary": 1}, {"top_k": None}, {"top_k": 0}, {"top_k": True}]
)
def test_parameters_are_held_to_the_same_rules(parameters: Json) -> None:
    with pytest.raises(InvalidRequest, match=r"^parameters"):
        read("fill-mask", tensor(["a"]), **parameters)


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        read("fill-mask", tensor(["a"]), tensor(["1"], "top_k"), top_k=1)


def test_only_the_one_output_can_be_asked_for() -> None:
    request = InferenceRequest(inputs=[tensor(["a"])], outputs=[{"name": "label"}])
    reader = Reader(TASKS["fill-mask"], 10, Budget(1, 1.0), 1)
    with pytest.raises(InvalidRequest, match="known are output"):
        parse(request, Rules(TASKS["fill-mask"], 1, 1, {}), reader)


def test_a_model_s_own_defaults_are_held_to_the_same_rules() -> None:
    assert checked({"top_k": "3"}, TASKS["fill-mask"]) == {"top_k": 3}
    with pytest.raises(InvalidRequest, match="inference_kwargs"):
        checked({"batch_size": 3}, TASKS["fill-mask"])
