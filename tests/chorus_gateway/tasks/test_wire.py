"""Requests as V2, read back as a model server does; replies as results."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from mlserver.types import InferenceRequest
from PIL import Image
from tests.chorus_gateway.tasks.samples import PIXEL, SAMPLES, reply, with_media

from chorus_gateway import codecs
from chorus_gateway.errors import BadInput, UpstreamInvalid
from chorus_gateway.tasks import wire
from chorus_gateway.tasks.request import TaskRequest, parse
from chorus_gateway.tasks.table import TASKS, find

TEXT = {"content_type": "str"}
JSON = {"content_type": "hg_jsonlist"}


def requested(task: str, inputs: Any, **parameters: Any) -> TaskRequest:
    return with_media(parse(find(task), {"inputs": inputs, "parameters": parameters}, {}))


def tensors(task: str, inputs: Any, **parameters: Any) -> dict[str, dict[str, Any]]:
    """The V2 inputs by name."""
    encoded = orjson.loads(wire.encode(requested(task, inputs, **parameters)))
    assert encoded.keys() == {"inputs"}
    by_name = {tensor.pop("name"): tensor for tensor in encoded["inputs"]}
    assert len(by_name) == len(encoded["inputs"])
    return by_name


def read(task: str, inputs: Any, **parameters: Any) -> dict[str, Any]:
    """What mlserver-huggingface hands to its pipeline."""
    codecs.load()
    from mlserver_huggingface.codecs.base import HuggingfaceRequestCodec

    encoded = wire.encode(requested(task, inputs, **parameters))
    request = InferenceRequest.model_validate_json(encoded)
    return {name: _plain(v) for name, v in HuggingfaceRequestCodec.decode_request(request).items()}


def _plain(value: Any) -> Any:
    """Images as their size, so that they compare."""
    match value:
        case Image.Image():
            return value.size
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_every_task_round_trips(name: str, listed: bool) -> None:
    sample = SAMPLES[name]
    inputs = [sample.inputs] * 3 if listed else sample.inputs
    request = requested(name, inputs, **sample.parameters)
    primary = orjson.loads(wire.encode(request))["inputs"][0]
    assert primary["shape"] == [len(request.inputs), 1]
    answer = reply([sample.result] * len(request.inputs))
    result = {"scores": 0.75} if name == "sentence-ranking" else sample.result
    assert wire.decode(request, answer) == [result] * len(request.inputs)


def test_texts() -> None:
    assert tensors("ner", ["a", ""]) == {
        "array_inputs": {
            "shape": [2, 1],
            "datatype": "BYTES",
            "parameters": TEXT,
            "data": ["a", ""],
        }
    }


def test_classification_always_says_how_many_labels() -> None:
    raw = {"content_type": "raw"}
    one = {"shape": [1], "datatype": "INT64", "parameters": raw, "data": [1]}
    assert tensors("text-classification", "a")["top_k"] == one
    assert tensors("text-classification", "a", top_k=1)["top_k"] == one
    assert read("text-classification", "a", top_k=None) == {"array_inputs": ["a"], "top_k": None}


def test_a_pair_of_texts_is_an_object() -> None:
    pair = {"text": "a", "text_pair": "b"}
    assert read("text-classification", ["c", pair], top_k=2) == {
        "array_inputs": [{"text": "c"}, pair],
        "top_k": 2,
    }


def test_questions_and_contexts_are_tensors_of_their_own() -> None:
    inputs = [{"question": "q", "context": "c"}, {"question": "r", "context": "d"}]
    assert read("question-answering", inputs, top_k=2) == {
        "question": ["q", "r"],
        "context": ["c", "d"],
        "top_k": 2,
    }


def test_records_are_json_with_images_inside() -> None:
    inputs = {"question": "q", "image": PIXEL}
    assert read("vqa", inputs) == {"array_inputs": [{"question": "q", "image": (1, 1)}]}
    (record,) = tensors("vqa", inputs)["array_inputs"]["data"]
    assert orjson.loads(record)["image"].startswith("data:image/png;base64,")


def test_word_boxes_travel_inside_each_input() -> None:
    inputs = {"question": "q", "image": PIXEL}
    boxes = [["a", [0, 0, 1, 1]]]
    assert read("document-question-answering", [inputs] * 2, word_boxes=boxes, lang="en") == {
        "array_inputs": [{"question": "q", "image": (1, 1), "word_boxes": boxes}] * 2,
        "lang": "en",
    }


def test_images_and_labels() -> None:
    assert read("zero-shot-image-classification", [PIXEL] * 2, candidate_labels="a, b") == {
        "array_inputs": [(1, 1), (1, 1)],
        "candidate_labels": ["a", "b"],
    }


def test_audio_travels_byte_for_byte() -> None:
    assert read("audio-classification", "UklGRg==") == {"array_inputs": [b"RIFF"]}


def test_chats_are_lists_of_messages() -> None:
    chat = [{"role": "user", "content": "Hi"}]
    assert read("text-generation", chat) == {"array_inputs": [chat]}
    assert read("conversational", ["Hi", chat]) == {"array_inputs": [chat, chat]}
    with pytest.raises(BadInput, match="either all texts or all lists of messages"):
        wire.encode(requested("text-generation", ["Hi", chat]))


def test_images_travel_in_objects_and_in_messages() -> None:
    said = {"type": "text", "text": "What?"}
    seen = {"type": "image_url", "image_url": {"url": PIXEL}}
    chat = [{"role": "user", "content": [said, seen]}, {"role": "assistant", "content": "A cat"}]
    read_chat = [
        {"role": "user", "content": [said, {"type": "image", "image": (1, 1)}]},
        {"role": "assistant", "content": "A cat"},
    ]
    assert read("image-text-to-text", chat) == {"array_inputs": [read_chat]}
    assert read("image-text-to-text", [{"image": PIXEL, "text": "What?"}, chat]) == {
        "array_inputs": [{"images": (1, 1), "text": "What?"}, read_chat]
    }


def test_pairs_are_lists() -> None:
    assert read("sentence-ranking", ["a", "b"]) == {"array_inputs": [["a", "b"]]}
    assert read("sentence-ranking", [["a", "b"], ["c", "d"]]) == {
        "array_inputs": [["a", "b"], ["c", "d"]]
    }


def test_generation_parameters_travel_as_each_pipeline_takes_them() -> None:
    assert read("text-generation", "a", generation_parameters={"max_new_tokens": 3}) == {
        "array_inputs": ["a"],
        "max_new_tokens": 3,
    }
    assert read("automatic-speech-recognition", "UklGRg==", language="en", max_new_tokens=3,
                return_timestamps=True) == {
        "array_inputs": [b"RIFF"],
        "return_timestamps": True,
        "generate_kwargs": {"language": "en", "max_new_tokens": 3},
    }  # fmt: skip


def test_a_named_translation_sends_its_languages_unless_told() -> None:
    assert read("translation_en_to_fr", "a", tgt_lang="de") == {
        "array_inputs": ["a"],
        "src_lang": "en",
        "tgt_lang": "de",
    }


def test_details_of_a_stream_are_not_asked_for() -> None:
    body = {"inputs": "a", "parameters": {"details": True}, "stream": True}
    request = parse(find("text-generation"), body, {})
    assert [tensor["name"] for tensor in orjson.loads(wire.encode(request))["inputs"]] == [
        "array_inputs"
    ]


def test_a_text_that_would_become_an_image_is_refused() -> None:
    prefix = "data:image/ is how it begins"
    with pytest.raises(BadInput, match="must not hold a text that begins"):
        wire.encode(requested("text-classification", {"text": "a", "text_pair": prefix}))
    assert read("ner", prefix) == {"array_inputs": [prefix]}, "where it is only text it travels"


# -------------------------------------------------------------------------------- replies

LABEL = {"label": "a", "score": 0.5}
ANSWER = {"answer": "a", "score": 0.5, "start": 0, "end": 1}


@pytest.mark.parametrize(
    ("task", "parameters", "elements", "result"),
    [
        ("text-classification", {}, [LABEL], [LABEL]),
        ("text-classification", {}, [[LABEL]], [LABEL]),
        ("text-classification", {"top_k": 2}, [LABEL, LABEL], [LABEL, LABEL]),
        ("text-classification", {"top_k": 2}, [[LABEL, LABEL]], [LABEL, LABEL]),
        ("token-classification", {}, [], []),
        ("token-classification", {}, [[]], []),
        ("fill-mask", {}, [LABEL, LABEL], [LABEL, LABEL]),
        ("fill-mask", {}, [[LABEL], [LABEL]], [[LABEL], [LABEL]]),
        ("question-answering", {}, [ANSWER], ANSWER),
        ("question-answering", {}, [[ANSWER]], ANSWER),
        ("question-answering", {"top_k": 1}, [ANSWER], ANSWER),
        ("question-answering", {"top_k": 2}, [ANSWER, ANSWER], [ANSWER, ANSWER]),
        ("question-answering", {"top_k": 2}, [ANSWER], [ANSWER]),
        ("translation", {}, [{"translation_text": "a"}], [{"translation_text": "a"}]),
        ("sentence-similarity", {}, [[0.5]], {"similarities": [0.5]}),
        ("sentence-similarity", {}, [0.5, 0.25], {"similarities": [0.5, 0.25]}),
        ("sentence-similarity", {}, [{"similarities": [0.5]}], {"similarities": [0.5]}),
    ],
)
def test_however_servers_nest_one_input_the_result_is_the_same(
    task: str, parameters: dict[str, Any], elements: list[Any], result: Any
) -> None:
    request = requested(task, SAMPLES[task].inputs, **parameters)
    assert wire.decode(request, reply(elements)) == [result]


@pytest.mark.parametrize(
    ("task", "elements"),
    [
        ("ner", [["a"]]),
        ("ner", [[], [], []]),
        ("ner", ["a", "b"]),
        ("automatic-speech-recognition", [{"text": "a"}]),
        ("automatic-speech-recognition", ["a", "b"]),
        ("automatic-speech-recognition", [[], []]),
        ("sentence-similarity", [{}, {"scores": [1]}]),
    ],
)
def test_a_reply_that_does_not_fit_is_invalid(task: str, elements: list[Any]) -> None:
    request = requested(task, [SAMPLES[find(task).name].inputs] * 2)
    with pytest.raises(UpstreamInvalid):
        wire.decode(request, reply(elements))
