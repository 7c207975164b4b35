from __future__ import annotations

from typing import Any

import pytest

from chorus_gateway.errors import BadInput
from chorus_gateway.openai.request import MOST_CHOICES, NEUTRAL, read_chat, read_completion
from chorus_gateway.tasks.table import TASKS

TEXT = TASKS["text-generation"]
HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, {}),
        ({"max_tokens": 5}, {"max_new_tokens": 5}),
        ({"temperature": 0, "top_p": 0.5}, {"do_sample": False}),
        ({"temperature": 0.7}, {"temperature": 0.7, "do_sample": True}),
        ({"top_p": 0.5}, {"top_p": 0.5, "do_sample": True}),
        ({"stop": "."}, {"stop": ["."]}),
        ({"stop": [".", "!"]}, {"stop": [".", "!"]}),
        ({"seed": 7}, {"seed": 7}),
        ({"max_tokens": None, "model": "x", "user": "y"}, {}),
    ],
)
def test_what_the_options_mean(options: dict[str, Any], parameters: dict[str, Any]) -> None:
    (request,) = read_completion(TEXT, {"prompt": "Hello", **options}).choices
    assert request.inputs == ["Hello"]
    assert request.parameters == parameters


def test_each_choice_is_a_generation_of_its_own() -> None:
    asked = read_completion(TEXT, {"prompt": ["a", "b"], "n": 2, "seed": 5, "echo": True})
    assert [request.inputs for request in asked.choices] == [["a"], ["a"], ["b"], ["b"]]
    assert [request.parameters["seed"] for request in asked.choices] == [5, 6, 5, 6]
    assert all(request.parameters["do_sample"] for request in asked.choices)
    assert asked.echoed == ["a", "a", "b", "b"]


def test_a_chat() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": t} for t in ("H", "i")]}
    options = {"max_completion_tokens": 3, "stream": True, "stream_options": {"include_usage": 1}}
    asked = read_chat(TEXT, {"messages": [HI, parts], **options})
    assert [request.inputs for request in asked.choices] == [[[HI, HI]]]
    assert asked.choices[0].parameters == {"max_new_tokens": 3}
    assert asked.stream
    assert not asked.include_usage


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"n": MOST_CHOICES + 1}, "n"),
        ({"n": MOST_CHOICES, "prompt": ["a", "b"]}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": "x"}, "top_p"),
        ({"stop": [1]}, "stop"),
        ({"seed": -1}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"messages": [HI]}, "messages"),
        ({"something": 1}, "something"),
        *(({name: "nonsense"}, name) for name in NEUTRAL),
    ],
)
def test_what_cannot_be_done_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=rf"^{named}\b"):
        read_completion(TEXT, {"prompt": "Hello", **wrong})


def test_values_that_ask_for_nothing_are_taken() -> None:
    neutral = {name: values[0] for name, values in NEUTRAL.items()}
    assert read_completion(TEXT, {"prompt": "Hello", **neutral}).choices[0].parameters == {}


@pytest.mark.parametrize("body", [None, [], "text", {"messages": []}, {"messages": ["Hi"]}])
def test_what_is_no_chat(body: object) -> None:
    with pytest.raises(BadInput):
        read_chat(TEXT, body)


def test_an_image_in_a_chat() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    with pytest.raises(BadInput, match=r"messages\[0\].content"):
        read_chat(TEXT, {"messages": [{"role": "user", "content": parts}]})


def test_a_task_without_streams() -> None:
    with pytest.raises(BadInput, match="text-classification"):
        read_completion(TASKS["text-classification"], {"prompt": "Hello"})
