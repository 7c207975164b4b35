"""The response shapes of one request, side by side."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chorus_gateway.tasks.samples import PIXEL, SAMPLES, reply, with_media

from chorus_gateway.errors import UpstreamInvalid
from chorus_gateway.tasks import wire
from chorus_gateway.tasks.request import TaskRequest, parse
from chorus_gateway.tasks.shapes import Shape, prepared, render
from chorus_gateway.tasks.table import TASKS, find

OLD_HUB = "unknown/None; hf_hub/0.36.2; python/3.11.7"
LAST_OLD_HUB = "unknown/None; hf_hub/1.1.9; python/3.12"
FIRST_NEW_HUB = "unknown/None; hf_hub/1.2.0; python/3.12"
NEW_HUB = "unknown/None; hf_hub/2.4.0; python/3.11.7"
FUTURE_HUB = "unknown/None; hf_hub/10.0.0; python/3.14"
JAVASCRIPT = "@huggingface/inference/4.13.30"
LABELS = [{"label": "POSITIVE", "score": 0.9}, {"label": "NEGATIVE", "score": 0.1}]


def answered(
    task: str,
    shape: Shape,
    result: Any = None,
    *,
    inputs: Any = None,
    user_agent: str = "curl",
    **parameters: Any,
) -> Any:
    """What a caller gets, from a model server that answers `result` for each input."""
    sample = SAMPLES[find(task).name]
    body = {
        "inputs": sample.inputs if inputs is None else inputs,
        "parameters": {**sample.parameters, **parameters},
    }
    request = prepared(with_media(parse(find(task), body, {})), shape)
    wire.encode(request)
    one = sample.result if result is None else result
    return render(
        request, wire.decode(request, reply([one] * len(request.inputs))), shape, user_agent
    )


# The three shapes of one input, as functions of the pipeline's result for it.
def same(x: Any) -> Any:
    return x


def listed(x: Any) -> Any:
    return [x]


def scored(x: Any) -> Any:
    return {"scores": x}


EXPECTED: dict[str, tuple[Any, Any, Any]] = {  # B, E, A
    "text-classification": (same, same, listed),
    "token-classification": (same, same, same),
    "zero-shot-classification": (
        listed,
        same,
        lambda x: [
            {"label": label, "score": score}
            for label, score in zip(x["labels"], x["scores"], strict=True)
        ],
    ),
    "text-generation": (listed, same, same),
    "conversational": (listed, same, same),
    "text2text-generation": (same, same, same),
    "summarization": (same, same, same),
    "translation": (same, same, same),
    "fill-mask": (same, same, same),
    "question-answering": (listed, same, same),
    "table-question-answering": (listed, same, same),
    "feature-extraction": (same, same, same),
    "sentence-embeddings": (same, same, same),
    "sentence-similarity": (same, same, lambda x: x["similarities"]),
    "sentence-ranking": (scored, scored, scored),
    "text-to-audio": (listed, same, same),
    "image-classification": (listed, same, same),
    "object-detection": (listed, same, same),
    "image-segmentation": (listed, same, lambda x: [{**x[0], "mask": PIXEL}]),
    "image-feature-extraction": (same, same, same),
    "depth-estimation": (listed, same, lambda x: {**x, "depth": PIXEL}),
    "image-to-text": (listed, same, same),
    "zero-shot-image-classification": (listed, same, same),
    "zero-shot-object-detection": (listed, same, same),
    "visual-question-answering": (listed, same, same),
    "document-question-answering": (listed, same, same),
    "image-text-to-text": (same, same, same),
    "audio-classification": (listed, same, same),
    "automatic-speech-recognition": (listed, same, same),
    "zero-shot-audio-classification": (listed, same, same),
}


def test_every_task_has_its_three_shapes_here() -> None:
    assert {*EXPECTED} == {*TASKS}


@pytest.mark.parametrize("name", TASKS)
def test_a_single_input(name: str) -> None:
    result = SAMPLES[name].result
    for shape, expected in zip(Shape, EXPECTED[name], strict=True):
        assert answered(name, shape, user_agent=NEW_HUB) == expected(result), shape


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("name", TASKS)
def test_a_list_gives_one_element_per_input(name: str, shape: Shape, count: int) -> None:
    answer = answered(name, shape, inputs=[SAMPLES[name].inputs] * count)
    assert isinstance(answer, list)
    assert len(answer) == count


def test_classification_follows_top_k() -> None:
    for shape in (Shape.BATCH, Shape.ENDPOINT):
        assert answered("text-classification", shape, LABELS[:1]) == LABELS[:1]
        assert answered("text-classification", shape, LABELS, top_k=2) == LABELS
        texts = ["a", "b"]
        assert answered("text-classification", shape, LABELS[:1], inputs=texts) == [LABELS[0]] * 2
        assert (
            answered("text-classification", shape, LABELS[:1], inputs=texts, top_k=1)
            == [LABELS[:1]] * 2
        )
    assert answered("text-classification", Shape.CLIENT, LABELS, inputs=["a", "b"]) == [LABELS] * 2


def parsed(task: str, **parameters: Any) -> TaskRequest:
    return parse(find(task), {"inputs": "a", "parameters": parameters}, {})


def test_clients_are_sent_all_labels_unless_they_choose() -> None:
    assert prepared(parsed("text-classification"), Shape.CLIENT).parameters == {"top_k": 1024}
    assert prepared(parsed("text-classification", top_k=2), Shape.CLIENT).parameters == {"top_k": 2}
    assert prepared(parsed("text-classification"), Shape.ENDPOINT).parameters == {}


def test_clients_are_sent_groups_unless_they_choose() -> None:
    simple = {"aggregation_strategy": "simple"}
    none = {"aggregation_strategy": "none"}
    assert prepared(parsed("ner"), Shape.CLIENT).parameters == simple
    assert prepared(parsed("ner", **none), Shape.CLIENT).parameters == none
    assert prepared(parsed("ner"), Shape.BATCH).parameters == {}


@pytest.mark.parametrize("sequences", [2, 5])
def test_several_sequences_stay_together(sequences: int) -> None:
    texts = [{"generated_text": str(i)} for i in range(sequences)]
    for task in ("text-generation", "text2text-generation"):
        parameters: dict[str, Any] = {"num_return_sequences": sequences}
        assert answered(task, Shape.BATCH, texts, **parameters) == [texts]
        assert answered(task, Shape.ENDPOINT, texts, **parameters) == texts
        assert answered(task, Shape.CLIENT, texts, **parameters) == texts


def test_several_answers_are_a_list() -> None:
    answers = [SAMPLES["question-answering"].result] * 2
    for shape in Shape:
        assert answered("question-answering", shape, answers, top_k=2) == answers


@pytest.mark.parametrize("agent", [OLD_HUB, LAST_OLD_HUB])
def test_old_hubs_read_zero_shot_as_an_object(agent: str) -> None:
    result = SAMPLES["zero-shot-classification"].result
    assert answered("zero-shot-classification", Shape.CLIENT, user_agent=agent) == result


@pytest.mark.parametrize("agent", [FIRST_NEW_HUB, NEW_HUB, FUTURE_HUB, JAVASCRIPT, "curl", ""])
def test_everybody_else_reads_zero_shot_as_a_list(agent: str) -> None:
    assert answered("zero-shot-classification", Shape.CLIENT, user_agent=agent) == [
        {"label": "cat", "score": 0.75},
        {"label": "dog", "score": 0.25},
    ]


def test_javascript_reads_image_to_text_as_an_object() -> None:
    text = {"generated_text": "a cat"}
    assert answered("image-to-text", Shape.CLIENT, user_agent=JAVASCRIPT) == text
    assert answered("image-to-text", Shape.CLIENT, user_agent=NEW_HUB) == [text]
    assert answered("image-to-text", Shape.ENDPOINT, user_agent=JAVASCRIPT) == [text]


def test_a_mask_that_is_bare_already_stays() -> None:
    bare = [{"label": "cat", "score": 0.5, "mask": PIXEL}]
    assert answered("image-segmentation", Shape.CLIENT, bare) == bare


def test_clients_are_told_nothing_of_a_score_that_there_is_not() -> None:
    segments = [{"label": "cat", "score": None, "mask": PIXEL}]
    assert answered("image-segmentation", Shape.ENDPOINT, segments) == segments
    assert answered("image-segmentation", Shape.CLIENT, segments) == [
        {"label": "cat", "mask": PIXEL}
    ]


@pytest.mark.parametrize(
    "result",
    [
        {"sequence": "a", "labels": ["x"], "scores": []},
        {"sequence": "a", "labels": ["x"]},
        {"sequence": "a", "labels": 1, "scores": 1},
    ],
)
def test_scores_without_labels_are_invalid(result: dict[str, Any]) -> None:
    with pytest.raises(UpstreamInvalid):
        answered("zero-shot-classification", Shape.CLIENT, result)
