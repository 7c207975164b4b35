"""Generation token by token: whole, in order, and over when the caller leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.mlserver_chorus.pipelines import checkpoints

from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines.loading import Loaded, load
from mlserver_chorus.pipelines.running import Stopped, never
from mlserver_chorus.pipelines.streaming import check, generate
from mlserver_chorus.pipelines.tasks import TASKS

GREEDY = {"max_new_tokens": 12, "do_sample": False}
CHAT = [{"role": "user", "content": "hi"}]


@pytest.fixture(params=["text-generation", "conversational"])
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> Loaded:
    folder = checkpoints.generator(tmp_path / "it")
    return load(
        "m",
        TASKS[request.param],
        folder,
        device="cpu",
        max_rows=1,
        model_kwargs={},
        max_new_tokens=64,
    )


def events(loaded: Loaded, prompt: Any = CHAT, **options: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    generate(loaded, prompt, options, told.append, never)
    return told


def test_the_events_make_up_the_text(loaded: Loaded) -> None:
    *most, last = events(loaded, **GREEDY)
    text = last["generated_text"]
    assert "".join(event["token"]["text"] for event in (*most, last)) == text
    assert all(event["generated_text"] is event["details"] is None for event in most)
    prompt = loaded.pipe.tokenizer.apply_chat_template(CHAT, add_generation_prompt=True)
    assert last["details"]["prompt_tokens"] == len(prompt["input_ids"])
    assert last["details"]["generated_tokens"] == len(most) + 1
    answer = loaded.run(GREEDY, [CHAT])
    import json

    (whole,) = (json.loads(element) for element in answer)
    messages = whole if loaded.task.own else whole[0]["generated_text"]
    assert messages[-1]["content"] == text


def test_why_it_ended(loaded: Loaded) -> None:
    told = events(loaded, **GREEDY)
    details = told[-1]["details"]
    if told[-1]["token"]["special"]:
        assert details["finish_reason"] == "stop"
    else:
        assert details["finish_reason"] == "length"
        assert details["generated_tokens"] == GREEDY["max_new_tokens"]
    stop = next(event["token"]["text"] for event in told if event["token"]["text"].strip())
    stopped = events(loaded, **GREEDY, stop=[stop])
    assert stopped[-1]["details"]["finish_reason"] == "stop"
    assert len(stopped) <= len(told)


def test_whoever_leaves_stops_it(loaded: Loaded) -> None:
    told: list[dict[str, Any]] = []
    options = {"max_new_tokens": 60, "min_new_tokens": 60, "do_sample": False}
    with pytest.raises(Stopped):
        generate(loaded, CHAT, options, told.append, lambda: len(told) >= 3)
    assert len(told) == 3


def test_a_seed_repeats_a_stream(loaded: Loaded) -> None:
    options = {"max_new_tokens": 8, "do_sample": True, "seed": 5}
    assert events(loaded, **options) == events(loaded, **options)


@pytest.mark.parametrize("option", ["num_return_sequences", "num_beams"])
def test_a_stream_holds_one_sequence(option: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{option}: "):
        check({option: 2})


def test_what_the_model_refuses_is_refused(loaded: Loaded) -> None:
    if loaded.task.own:
        loaded.pipe.tokenizer.chat_template = "{{ raise_exception('canary') }}"
        prompt: Any = CHAT
    else:
        prompt = "a" * 3000
    with pytest.raises(InvalidRequest) as refused:
        events(loaded, prompt)
    assert "canary" not in str(refused.value)
