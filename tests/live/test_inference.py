"""What a right request gets, the same over REST, gRPC and gRPC with raw contents."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.live.oracle import (
    CLASSIFIERS,
    ODD_TEXTS,
    TEXTS,
    TOLERANCE,
    assert_right,
    best,
    distribution,
)
from tests.live.protocol import Answer, Json, Rest, Transport, option, request, tensor

HELLO = TEXTS[0]
ENSEMBLE_OUTPUTS = [f"{key}.{part}" for key in CLASSIFIERS for part in ("label", "score")]
# Labels that the ensemble shows in its own words.
SHOWN = {
    "cardiffnlp": {"negative": "NEGATIVE", "neutral": "NEUTRAL", "positive": "POSITIVE"},
    "ivanlau": {"Mangolian": "Mongolian"},
}
# --------------------------------------------------------------------------------- outputs


def test_default_output_is_that_of_mlserver_huggingface(transport: Transport) -> None:
    answer = transport.infer(request(tensor([HELLO, TEXTS[1]])))
    assert list(answer.outputs) == ["output"]
    output = answer.outputs["output"]
    assert (output.datatype, output.shape) == ("BYTES", [2, 1])
    assert output.content_type == "hg_jsonlist"
    for element, text in zip(output.data, (HELLO, TEXTS[1]), strict=True):
        row = json.loads(element)
        assert element == json.dumps(row), "default separators, keys in order, doubles in full"
        assert list(row) == ["label", "score"]
        assert_right([row], "cardiffnlp", text)


@pytest.mark.parametrize("wanted", [["label", "score"], ["score"], ["score", "output", "label"]])
def test_outputs_are_those_asked_for_in_that_order(transport: Transport, wanted: list[str]) -> None:
    answer = transport.infer(request(tensor([HELLO, TEXTS[1]]), outputs=wanted))
    assert list(answer.outputs) == wanted
    expected = [best("cardiffnlp", text)[0] for text in (HELLO, TEXTS[1])]
    score = answer.outputs["score"]
    assert (score.datatype, score.shape, score.content_type) == ("FP32", [2], None)
    assert score.data == pytest.approx([row["score"] for row in expected], abs=TOLERANCE)
    if "label" in wanted:
        label = answer.outputs["label"]
        assert (label.datatype, label.shape, label.content_type) == ("BYTES", [2], "str")
        assert label.data == [row["label"] for row in expected]
    if "output" in wanted:
        assert [row["score"] for row in answer.results] == pytest.approx(score.data, abs=1e-6)


def test_typed_outputs_with_top_k_are_a_matrix(transport: Transport) -> None:
    asked = request(tensor([HELLO, TEXTS[1]]), outputs=["label", "score"], top_k=3)
    answer = transport.infer(asked)
    assert answer.outputs["label"].shape == answer.outputs["score"].shape == [2, 3]
    pairs = zip(answer.outputs["label"].data, answer.outputs["score"].data, strict=True)
    rows = [{"label": label, "score": score} for label, score in pairs]
    assert_right(rows[:3], "cardiffnlp", HELLO, 3)
    assert_right(rows[3:], "cardiffnlp", TEXTS[1], 3)


@pytest.mark.parametrize("text", [HELLO, TEXTS[13], ""])
def test_ensemble_shows_every_member(transport: Transport, text: str) -> None:
    answer = transport.infer(request(tensor([text])), "process")
    assert list(answer.outputs) == ENSEMBLE_OUTPUTS
    for key in CLASSIFIERS:
        (label,) = answer.outputs[f"{key}.label"].data
        (score,) = answer.outputs[f"{key}.score"].data
        own = {shown: name for name, shown in SHOWN.get(key, {}).items()}
        assert label not in SHOWN.get(key, {}), "the member's own word for it"
        assert_right([{"label": own.get(label, label), "score": score}], key, text)


def test_ensemble_answers_only_what_is_asked_for(transport: Transport) -> None:
    wanted = ["jy46604790.score", "cardiffnlp.label"]
    answer = transport.infer(request(tensor([HELLO, TEXTS[1]]), outputs=wanted), "process")
    assert list(answer.outputs) == wanted
    assert [output.shape for output in answer.outputs.values()] == [[2], [2]]


@pytest.mark.parametrize("count", [1, 2, 17, 64, 300])
def test_every_text_of_a_request_gets_its_own_answer(transport: Transport, count: int) -> None:
    texts = [TEXTS[i % len(TEXTS)] for i in range(count)]
    results = transport.infer(request(tensor(texts))).results
    assert len(results) == count
    for row, text in zip(results, texts, strict=True):
        assert_right([row], "cardiffnlp", text)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_any_text_is_answered_as_the_pipeline_does(transport: Transport, text: str) -> None:
    for model in ("cardiffnlp", "jy46604790"):
        (row,) = transport.infer(request(tensor([text])), model).results
        assert_right([row], model, text)


# ---------------------------------------------------------------------------------- inputs


def lists(k: int, *texts: str) -> list[Any]:
    return [best("cardiffnlp", text, k) for text in texts]


def singles(*texts: str) -> list[Any]:
    return [best("cardiffnlp", text)[0] for text in texts]


# As mlserver-huggingface answers, and, where it fails with 500, as it would have to.
SHAPES: dict[str, tuple[str, list[str], int | None, list[int]]] = {
    "args, one text": ("args", [HELLO], None, [1, 1]),
    "args, one text, top_k: flat": ("args", [HELLO], 2, [2, 1]),
    "args, one text, top_k 1: flat": ("args", [HELLO], 1, [1, 1]),
    "args, two texts": ("args", [HELLO, TEXTS[1]], None, [2, 1]),
    "args, two texts, top_k": ("args", [HELLO, TEXTS[1]], 2, [2, 1]),
    "array_inputs, one text": ("array_inputs", [HELLO], None, [1, 1]),
    "array_inputs, one text, top_k": ("array_inputs", [HELLO], 2, [1, 1]),
    "array_inputs, one text, top_k 1": ("array_inputs", [HELLO], 1, [1, 1]),
    "array_inputs, two texts, top_k": ("array_inputs", [HELLO, TEXTS[1]], 3, [2, 1]),
    "inputs, one text": ("inputs", [HELLO], None, [1, 1]),
    "inputs, one text, top_k": ("inputs", [HELLO], 2, [1, 1]),
    "text, two texts": ("text", [HELLO, TEXTS[1]], None, [2, 1]),
    "text, one text, top_k": ("text", [HELLO], 3, [1, 1]),
}


@pytest.mark.parametrize(("name", "texts", "k", "shape"), SHAPES.values(), ids=SHAPES.keys())
def test_shape_follows_the_name_of_the_input(
    transport: Transport, name: str, texts: list[str], k: int | None, shape: list[int]
) -> None:
    options = [option("top_k", k, "INT64")] if k else []
    answer = transport.infer(request(tensor(texts, name), *options))
    assert answer.outputs["output"].shape == shape
    flat = name == "args" and len(texts) == 1 and k is not None
    rows: list[Any] = [answer.results] if flat else answer.results
    assert len(rows) == len(texts)
    for row, text in zip(rows, texts, strict=True):
        assert_right(row if k else [row], "cardiffnlp", text, k or 1)


TEXT_FORMS: dict[str, tuple[Json, list[str]]] = {
    "no content type": (tensor([HELLO]), [HELLO]),
    "str": (tensor([HELLO], content_type="str"), [HELLO]),
    "raw": (tensor([HELLO], content_type="raw"), [HELLO]),
    "hg_json, a string": (tensor([json.dumps(HELLO)], content_type="hg_json"), [HELLO]),
    "hg_json, a list": (
        tensor([json.dumps([HELLO, TEXTS[1]])], content_type="hg_json"),
        [HELLO, TEXTS[1]],
    ),
    "hg_jsonlist": (
        tensor([json.dumps(HELLO), json.dumps(TEXTS[13])], content_type="hg_jsonlist"),
        [HELLO, TEXTS[13]],
    ),
    "[N, 1]": (tensor([HELLO, TEXTS[1]], shape=[2, 1]), [HELLO, TEXTS[1]]),
    "[1, N]": (tensor([HELLO, TEXTS[1]], shape=[1, 2]), [HELLO, TEXTS[1]]),
}


@pytest.mark.parametrize(("given", "texts"), TEXT_FORMS.values(), ids=TEXT_FORMS.keys())
def test_texts_come_in_every_form_that_clients_write(
    transport: Transport, given: Json, texts: list[str]
) -> None:
    results = transport.infer(request(given)).results
    assert len(results) == len(texts)
    for row, text in zip(results, texts, strict=True):
        assert_right([row], "cardiffnlp", text)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ([[HELLO], [TEXTS[1]]], [2, 1]),
        ([[HELLO, TEXTS[1]]], [1, 2]),
        ([[[HELLO]], [[TEXTS[1]]]], [2, 1, 1]),
        ([[[HELLO, TEXTS[1]], [TEXTS[2], TEXTS[3]]]], [1, 2, 2]),
    ],
    ids=str,
)
def test_nested_data_is_read_correctly(client: httpx.Client, data: Any, shape: list[int]) -> None:
    """Only JSON can nest."""
    flat = data
    for _ in shape[1:]:
        flat = [element for part in flat for element in part]
    answer = Rest(client).infer(request(tensor(data, shape=shape)))
    for row, text in zip(answer.results, flat, strict=True):
        assert_right([row], "cardiffnlp", text)


def test_request_content_type_is_the_default_of_its_inputs(transport: Transport) -> None:
    quoted = tensor([json.dumps(HELLO)])
    (row,) = transport.infer(request(quoted, content_type="hg_json")).results
    assert_right([row], "cardiffnlp", HELLO)


# --------------------------------------------------------------------------------- options

TOP_TWO: dict[str, Json] = {
    "INT64 input": request(tensor([HELLO]), option("top_k", 2, "INT64")),
    "INT32 input": request(tensor([HELLO]), option("top_k", 2, "INT32")),
    "BYTES input": request(tensor([HELLO]), option("top_k", "2")),
    "option before the text": request(option("top_k", 2, "INT64"), tensor([HELLO])),
    "parameter": request(tensor([HELLO]), top_k=2),
    "parameter, as text": request(tensor([HELLO]), top_k="2"),
}


@pytest.mark.parametrize("asked", TOP_TWO.values(), ids=TOP_TWO.keys())
def test_top_k_comes_in_every_form_that_clients_write(transport: Transport, asked: Json) -> None:
    (rows,) = transport.infer(asked).results
    assert_right(rows, "cardiffnlp", HELLO, 2)


@pytest.mark.parametrize("as_input", [True, False], ids=["input", "parameter"])
@pytest.mark.parametrize("function", ["softmax", "sigmoid", "none"])
def test_function_to_apply(transport: Transport, function: str, as_input: bool) -> None:
    asked = (
        request(tensor([HELLO]), option("function_to_apply", function), top_k=45)
        if as_input
        else request(tensor([HELLO]), function_to_apply=function, top_k=45)
    )
    (rows,) = transport.infer(asked, "ivanlau").results
    assert_right(rows, "ivanlau", HELLO, 45, function)


def test_top_k_beyond_the_labels_gives_all_of_them(transport: Transport) -> None:
    (rows,) = transport.infer(request(tensor([HELLO]), top_k=1000)).results
    assert_right(rows, "cardiffnlp", HELLO, len(distribution("cardiffnlp", HELLO)))


def test_top_k_null_gives_all_labels(client: httpx.Client) -> None:
    """As in Hugging Face's own requests; only JSON has a null."""
    (rows,) = Rest(client).infer(request(tensor([HELLO]), top_k=None)).results
    assert_right(rows, "cardiffnlp", HELLO, len(distribution("cardiffnlp", HELLO)))


def test_options_apply_to_every_member_of_the_ensemble(transport: Transport) -> None:
    answer = transport.infer(request(tensor([HELLO]), top_k=2, function_to_apply="none"), "process")
    for key in CLASSIFIERS:
        assert answer.outputs[f"{key}.score"].shape == [1, 2]
        expected = [row["score"] for row in best(key, HELLO, 2, "none")]
        assert answer.outputs[f"{key}.score"].data == pytest.approx(expected, abs=TOLERANCE)


# ------------------------------------------------------------------------------- envelope


@pytest.mark.parametrize(
    "identity",
    [
        "7",
        "a-b_c.d:e",
        "👍",
        "a\r\nx: y",
        "a\x00b",
    ],
    ids=ascii,
)
def test_id_is_echoed(transport: Transport, identity: str) -> None:
    for model in ("cardiffnlp", "process"):
        answer = transport.infer(request(tensor([HELLO])) | {"id": identity}, model)
        assert answer.id == identity


def test_rest_makes_an_id_where_none_is_given(client: httpx.Client) -> None:
    rest = Rest(client)
    first, second = (rest.infer(request(tensor([HELLO]))).id for _ in range(2))
    assert first
    assert first != second


def test_repeated_keys_and_unknown_fields_of_json_are_harmless(client: httpx.Client) -> None:
    body = json.dumps(request(tensor([HELLO])))[1:-1]
    content = f'{{"id": "first", "id": "last", "unknown": [1], {body}}}'
    headers = {"content-type": "application/json"}
    response = client.post("/v2/models/cardiffnlp/infer", content=content, headers=headers)
    assert response.json()["id"] == "last"


EQUAL = {
    "one text": (request(tensor([HELLO])), "cardiffnlp"),
    "many texts": (request(tensor(list(TEXTS))), "ivanlau"),
    "typed": (request(tensor([HELLO]), outputs=["score", "label"], top_k=3), "cardiffnlp"),
    "ensemble": (request(tensor([HELLO, TEXTS[13]])), "process"),
    "odd texts": (request(tensor(list(ODD_TEXTS.values()))), "svalabs"),
    "logits": (request(tensor([HELLO]), function_to_apply="none"), "jy46604790"),
    "shape lie": (request(tensor([HELLO], shape=[3])), "cardiffnlp"),
    "unknown output": (request(tensor([HELLO]), outputs=["logits"]), "cardiffnlp"),
    "bad option": (request(tensor([HELLO]), top_k=0), "cardiffnlp"),
    "no text": (request(option("top_k", 2, "INT64")), "process"),
    "unknown model": (request(tensor([HELLO])), "nobody"),
}


@pytest.mark.parametrize(("asked", "model"), EQUAL.values(), ids=EQUAL.keys())
def test_every_transport_gives_the_same_answer(
    transports: dict[str, Transport], asked: Json, model: str
) -> None:
    reference, *others = (one.infer(asked | {"id": "1"}, model) for one in transports.values())
    for answer in others:
        assert _comparable(answer) == _comparable(reference, exact=False)


def _comparable(answer: Answer, *, exact: bool = True) -> Any:
    # Not the words for an unknown model: they are MLServer's and differ in a space.
    error = "" if answer.status == 404 else answer.error
    outputs = [
        (name, output.datatype, output.shape, output.content_type, _parsed(output.data, exact))
        for name, output in answer.outputs.items()
    ]
    return answer.status, error, answer.id if answer.status == 200 else "", outputs


def _parsed(data: list[Any], exact: bool) -> list[Any]:
    """Elements as values; not `exact`: equal to what differs in a score's last digits."""
    values = [json.loads(e) if isinstance(e, str) and e[0] in "{[" else e for e in data]
    if exact:
        return values
    return [e if isinstance(e, str) else pytest.approx(e, abs=1e-6) for e in values]
