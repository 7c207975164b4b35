"""Both forms of a conversation, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from mlserver_chorus.pipelines.own.conversation import answered, messages

OLD = {
    "uuid": "an id",
    "past_user_inputs": ["one", "two"],
    "generated_responses": ["first", "second"],
    "new_user_input": "three",
}


def test_the_old_form_becomes_messages_in_turn() -> None:
    assert [(m["role"], m["content"]) for m in messages(OLD)] == [
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
        ("assistant", "second"),
        ("user", "three"),
    ]


def test_an_answer_comes_in_the_form_of_its_conversation() -> None:
    said = [{"role": "user", "content": "one"}]
    assert answered(said, "first") == [*said, {"role": "assistant", "content": "first"}]
    assert said == [{"role": "user", "content": "one"}]
    assert answered(OLD, "third") == {
        "uuid": "an id",
        "past_user_inputs": ["one", "two", "three"],
        "generated_responses": ["first", "second", "third"],
        "new_user_input": "three",
    }


@pytest.mark.parametrize(
    "conversation",
    [
        [],
        "secret",
        {"role": "user", "content": "secret"},
        ["secret"],
        [{"role": "user"}],
        [{"role": "user", "content": ["secret"]}],
        [{"role": "villain", "content": "secret"}],
        [{"role": ["user"], "content": "secret"}],
        {**OLD, "past_user_inputs": "secret"},
        {**OLD, "new_user_input": None, "past_user_inputs": [], "generated_responses": []},
        {**OLD, "generated_responses": [{"secret": 1}]},
    ],
)
def test_what_is_no_conversation_is_refused_without_quoting_it(conversation: Any) -> None:
    with pytest.raises(ValueError, match=r"conversation|message|past_user_inputs") as refused:
        messages(conversation)
    assert "secret" not in str(refused.value)
