"""Every form in which callers write a request."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chorus_gateway.tasks.samples import PIXEL, SAMPLES, with_media

from chorus_gateway.errors import BadInput
from chorus_gateway.tasks.request import MediaSource, TaskRequest, parse, parse_raw
from chorus_gateway.tasks.table import TASKS, find

IMAGE = MediaSource("image", PIXEL)


def parsed(task: str, body: object, **query: str) -> TaskRequest:
    return parse(find(task), body, query)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_reads_its_sample_alone_and_in_a_list(name: str) -> None:
    sample = SAMPLES[name]
    one = parsed(name, sample.body)
    several = parsed(name, {**sample.body, "inputs": [sample.inputs] * 3})
    assert (one.listed, several.listed) == (False, True)
    assert several.inputs == one.inputs * 3
    assert one.parameters == several.parameters == sample.parameters


@pytest.mark.parametrize(
    ("task", "inputs", "expected"),
    [
        ("text-classification", {"text": "a"}, "a"),
        ("text-classification", {"text": "a", "text_pair": "b"}, {"text": "a", "text_pair": "b"}),
        ("zero-shot-classification", {"sequences": "a"}, "a"),
        ("table-question-answering", {"question": "q", "table": {"a": [1, 2.5]}}, None),
        ("conversational", "Hi", [{"role": "user", "content": "Hi"}]),
        ("text-generation", [{"role": "user", "content": "Hi"}], None),
        ("image-classification", PIXEL, IMAGE),
        ("image-classification", {"image": PIXEL}, IMAGE),
        ("audio-classification", {"audio": "UklG"}, MediaSource("audio", "UklG")),
        ("image-text-to-text", {"images": [PIXEL, PIXEL], "text": "a"}, None),
    ],
)
def test_one_input_has_several_spellings(task: str, inputs: Any, expected: Any) -> None:
    expectations = {
        "table-question-answering": {"query": "q", "table": {"a": ["1", "2.5"]}},
        "text-generation": inputs,
        "image-text-to-text": {"images": [IMAGE, IMAGE], "text": "a"},
    }
    body = {"inputs": inputs, "parameters": SAMPLES[task].parameters}
    request = parsed(task, body)
    assert request.inputs == [expected if expected is not None else expectations[task]]
    assert not request.listed


def test_a_bare_string_is_the_input() -> None:
    assert parsed("ner", "My name") == parsed("ner", {"inputs": "My name"})


def test_an_object_of_inputs_may_hold_parameters() -> None:
    inputs = {"text": "a", "candidateLabels": ["x"], "multi_label": True}
    request = parsed("zero-shot-classification", {"inputs": inputs})
    assert request.inputs == ["a"]
    assert request.parameters == {"candidate_labels": ["x"], "multi_label": True}


def test_question_and_image_may_stand_at_the_root() -> None:
    body = {"inputs": PIXEL, "parameters": {}, "question": "q", "image": PIXEL}
    request = parsed("vqa", body)
    assert request.inputs == [{"image": IMAGE, "question": "q"}]
    assert parsed("document-question-answering", body).inputs == request.inputs


def test_embedding_parameters_may_stand_at_the_root() -> None:
    request = parsed("feature-extraction", {"inputs": ["a", "b"], "normalize": True})
    assert request.parameters == {"normalize": True}
    with pytest.raises(BadInput, match="normalize: unknown beside inputs"):
        parsed("ner", {"inputs": "a", "normalize": True})


@pytest.mark.parametrize(
    "name", ["generation_parameters", "generate_parameters", "generate_kwargs"]
)
@pytest.mark.parametrize("task", ["text-generation", "translation", "image-to-text"])
def test_generation_parameters_come_flat_or_together(name: str, task: str) -> None:
    flat = {"inputs": SAMPLES[task].inputs, "parameters": {"max_new_tokens": 5}}
    together = flat | {"parameters": {name: {"max_new_tokens": 5}}}
    assert parsed(task, together) == parsed(task, flat)
    assert parsed(task, flat | {"parameters": {name: None}}).parameters == {}
    with pytest.raises(BadInput, match=f"parameters.{name} must be an object"):
        parsed(task, flat | {"parameters": {name: [5]}})


def test_what_clients_leak_is_ignored() -> None:
    body = {
        "inputs": "a",
        "parameters": {"model": "x"},
        "options": {"use_cache": False, "wait_for_model": True},
        "use_cache": True,
        "model": "http://localhost/models/x",
        "hf_pipeline": "ner",
        "model_deployed_url": "http://localhost",
    }
    assert parsed("ner", body) == parsed("ner", "a")


@pytest.mark.parametrize("parameters", [None, {}, {"stride": None}])
def test_null_asks_for_the_default(parameters: Any) -> None:
    assert parsed("ner", {"inputs": "a", "parameters": parameters}).parameters == {}


def test_null_top_k_asks_for_all_labels() -> None:
    request = parsed("sentiment-analysis", {"inputs": "a", "parameters": {"top_k": None}})
    assert request.parameters == {"top_k": None}


# ---------------------------------------------------------------------------------- query


@pytest.mark.parametrize(
    ("task", "query", "expected"),
    [
        ("fill-mask", {"top_k": "3"}, {"top_k": 3}),
        ("text-generation", {"do_sample": "TRUE"}, {"do_sample": True}),
        ("text-generation", {"do_sample": "0", "temperature": "0.5"}, None),
        ("translation", {"src_lang": "1", "tgt_lang": "fr"}, {"src_lang": "1", "tgt_lang": "fr"}),
        (
            "zero-shot-classification",
            {"candidate_labels": "a, b"},
            {"candidate_labels": ["a", "b"]},
        ),
        (
            "automatic-speech-recognition",
            {"return_timestamps": "true"},
            {"return_timestamps": True},
        ),
        ("automatic-speech-recognition", {"return_timestamps": "word"}, None),
    ],
)
def test_the_query_string_has_parameters(task: str, query: dict[str, str], expected: Any) -> None:
    expectations = {
        "text-generation": {"do_sample": False, "temperature": 0.5},
        "automatic-speech-recognition": {"return_timestamps": "word"},
    }
    request = parsed(task, {"inputs": SAMPLES[task].inputs}, **query)
    assert request.parameters == (expected or expectations[task])


def test_the_body_counts_more_than_the_query_string() -> None:
    body = {"inputs": "a", "parameters": {"top_k": 1}}
    assert parsed("fill-mask", body, top_k="3").parameters == {"top_k": 1}
    assert parsed("fill-mask", {**body, "parameters": {}}, top_k="3").parameters == {"top_k": 3}


def test_a_string_in_the_body_is_no_number() -> None:
    with pytest.raises(BadInput, match=r"parameters\.top_k must be a whole number"):
        parsed("fill-mask", {"inputs": "a", "parameters": {"top_k": "3"}})
    with pytest.raises(BadInput, match=r"parameters\.top_k must be a whole number"):
        parsed("fill-mask", "a", top_k="three")


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("task", "parameters", "message"),
    [
        ("ner", {"top_k": 1}, "parameters.top_k: unknown to token-classification; known are"),
        ("sentence-similarity", {"x": 1}, "parameters.x: unknown to .*; known are none"),
        ("zero-shot-classification", {}, "parameters.candidate_labels is missing"),
        ("zero-shot-classification", {"candidate_labels": None}, "candidate_labels is missing"),
        ("zero-shot-classification", {"candidate_labels": []}, "must be a list of labels"),
        ("zero-shot-classification", {"candidate_labels": ""}, "must be a list of labels"),
        ("zero-shot-classification", {"candidate_labels": "a,,b"}, "must be a list of labels"),
        ("zero-shot-classification", {"candidate_labels": ["a", 1]}, "must be a list of labels"),
        ("zero-shot-image-classification", {}, "parameters.candidate_labels is missing"),
        ("zero-shot-object-detection", {}, "parameters.candidate_labels is missing"),
        ("text-classification", {"top_k": 0}, "top_k must be a whole number of at least 1 or null"),
        ("text-classification", {"top_k": True}, "top_k must be a whole number"),
        ("text-classification", {"function_to_apply": "x"}, "one of sigmoid, softmax, none"),
        ("text-classification", {"function_to_apply": []}, "one of sigmoid, softmax, none"),
        ("text-generation", {"top_p": 1.5}, "top_p must be a number from 0 to 1"),
        ("text-generation", {"top_p": float("nan")}, "top_p must be a number from 0 to 1"),
        ("text-generation", {"temperature": 101}, "temperature must be a number from 0 to 100"),
        ("text-generation", {"temperature": True}, "temperature must be a number"),
        ("text-generation", {"repetition_penalty": -1}, "repetition_penalty must be a number"),
        ("text-generation", {"num_return_sequences": 11}, "must be a whole number from 1 to 10"),
        ("text-generation", {"max_length": 501}, "max_length must be a whole number from 1 to 500"),
        ("text-generation", {"min_length": 5, "max_length": 4}, "must not be above"),
        ("text-generation", {"max_new_tokens": 0}, "max_new_tokens must be a whole number"),
        ("text-generation", {"do_sample": 1}, "do_sample must be true or false"),
        ("text-generation", {"stop": []}, "stop must be a string or a list of strings"),
        ("text-generation", {"details": True}, "only a stream has them"),
        ("text-generation", {"a\nb": 1}, r"parameters\.\?: unknown"),
        ("ner", [], "parameters must be an object"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(task: str, parameters: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parsed(task, {"inputs": SAMPLES[find(task).name].inputs, "parameters": parameters})


@pytest.mark.parametrize(
    ("task", "body", "message"),
    [
        ("ner", None, "the body must be an object"),
        ("ner", ["a"], "the body must be an object"),
        ("ner", 7, "the body must be an object"),
        ("ner", {}, "inputs is missing"),
        ("ner", {"inputs": None}, "inputs is missing"),
        ("ner", {"inputs": "a", "parameter": {}}, "parameter: unknown beside inputs"),
        ("ner", {"inputs": []}, "inputs must not be empty"),
        ("ner", {"inputs": 7}, "inputs must be a string"),
        ("ner", {"inputs": ["a", None]}, r"inputs\[1\] must be a string"),
        ("ner", {"inputs": {"text": 1}}, "inputs must be a string"),
        ("ner", {"inputs": {"text": "a", "sequences": "a"}}, "names one field twice"),
        ("ner", {"inputs": {"text": "a", "other": 1}}, "parameters.other: unknown"),
        ("ner", {"inputs": "a", "stream": True}, "does not stream"),
        ("text-generation", {"inputs": ["a", "b"], "stream": True}, "one input at a time"),
        ("text-generation", {"inputs": "a", "stream": 1}, "stream must be true or false"),
        ("text-generation", {"inputs": [{"role": "user"}]}, "must be a message"),
        ("text-generation", {"inputs": [{"role": "a", "content": "", "x": 1}]}, "be a message"),
        ("text-generation", {"inputs": [{"role": 1, "content": ""}]}, "role must be a string"),
        ("text-generation", {"inputs": [{"role": "a", "content": 1}]}, "content must be"),
        ("text-generation", {"inputs": [{"role": "a", "content": []}]}, "content must be"),
        ("conversational", {"inputs": [[]]}, r"inputs\[0\] must hold a message"),
        ("question-answering", {"inputs": "q"}, "must be an object with question and context"),
        ("question-answering", {"inputs": {"question": "q"}}, "must be an object with"),
        ("question-answering", {"inputs": {"question": "q", "context": 1}}, "context must be"),
        ("table-question-answering", {"inputs": {"query": "q", "table": {}}}, "inputs.table must"),
        (
            "table-question-answering",
            {"inputs": {"query": "q", "table": {"a": ["1"], "b": ["1", "2"]}}},
            "must be of equal length",
        ),
        (
            "table-question-answering",
            {"inputs": {"query": "q", "table": {"a": [None]}}},
            "must hold strings or numbers",
        ),
        ("sentence-similarity", {"inputs": {"source_sentence": "a", "sentences": []}}, "not empty"),
        ("sentence-ranking", {"inputs": ["a", "b", "c"]}, "must be a list of two strings"),
        ("sentence-ranking", {"inputs": [["a", 1]]}, r"inputs\[0\]\[1\] must be a string"),
        ("sentence-ranking", {"inputs": "a"}, "must be a list of two strings"),
        ("image-classification", {"inputs": ""}, "must be an image"),
        ("image-classification", {"inputs": 7}, "must be an image"),
        ("vqa", {"inputs": {"question": "q"}}, "must be an object with image and question"),
        ("vqa", {"question": "q"}, "must be an object with image and question"),
        ("image-text-to-text", {"inputs": {"images": [], "text": "a"}}, "must not be empty"),
        (
            "image-text-to-text",
            {"inputs": [{"role": "user", "content": [{"type": "video"}]}]},
            r"inputs\[0\].content\[0\] must be a text or an image_url",
        ),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(task: str, body: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parsed(task, body)


# ---------------------------------------------------------------------------------- media


def test_a_raw_body_is_the_input() -> None:
    image = parse_raw(find("image-classification"), b"\x89PNG", {"top_k": "2"})
    assert image.inputs == [MediaSource("image", b"\x89PNG")]
    assert image.parameters == {"top_k": 2}
    audio = parse_raw(find("automatic-speech-recognition"), b"RIFF", {})
    assert audio.inputs == [MediaSource("audio", b"RIFF")]
    assert parse_raw(find("ner"), "é".encode(), {}).inputs == ["é"]


@pytest.mark.parametrize(
    ("task", "data"),
    [("ner", b"\xff"), ("image-classification", b""), ("vqa", b"\x89PNG")],
)
def test_a_raw_body_that_cannot_be_the_input(task: str, data: bytes) -> None:
    with pytest.raises(BadInput):
        parse_raw(find(task), data, {})


def test_media_are_found_and_replaced_in_order() -> None:
    parts = [
        {"type": "text", "text": "Which?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,B"}},
        {"type": "image", "image": "C"},
    ]
    chat = [{"role": "user", "content": parts}, {"role": "assistant", "content": "None"}]
    body = {"inputs": [{"images": "A", "text": "data:image/ no image"}, chat]}
    request = parsed("image-text-to-text", body)
    sources = request.media()
    assert [source.data for source in sources] == ["A", "data:image/png;base64,B", "C"]
    changed = request.with_media([1, 2, 3])
    assert changed.inputs[0] == {"images": 1, "text": "data:image/ no image"}
    assert changed.inputs[1][0]["content"] == [
        {"type": "text", "text": "Which?"},
        {"type": "image", "image": 2},
        {"type": "image", "image": 3},
    ]
    assert request.media() == sources, "the request itself is not changed"


@pytest.mark.parametrize("name", TASKS)
def test_no_source_is_left_behind(name: str) -> None:
    assert with_media(parsed(name, SAMPLES[name].body)).media() == []


def test_a_stream_may_ask_for_details() -> None:
    body = {"inputs": "a", "parameters": {"details": True}, "stream": True}
    assert parsed("text-generation", body).stream
