"""Conversations: lists of messages, or the object that transformers had for them until 4.41."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

Message = dict[str, str]

_ROLES = ("system", "user", "assistant")
# The fields by which mlserver-huggingface wrote a transformers.Conversation as JSON.
_OLD_FIELDS = {"uuid", "past_user_inputs", "generated_responses", "new_user_input"}


def messages(conversation: Any) -> list[Message]:
    """The messages of either form, each with role and content alone. Raises ValueError."""
    if isinstance(conversation, dict) and conversation.keys() == _OLD_FIELDS:
        conversation = _from_old(conversation)
    if not isinstance(conversation, list) or not conversation:
        raise ValueError("a conversation must be a list of messages that is not empty")
    return [_message(item) for item in conversation]


def answered(conversation: Any, answer: str) -> Any:
    """The conversation with the assistant's answer at its end, in the form that it came in."""
    extended = [*messages(conversation), {"role": "assistant", "content": answer}]
    if isinstance(conversation, list):
        return extended
    said = {
        role: [message["content"] for message in extended if message["role"] == role]
        for role in _ROLES
    }
    return {
        "uuid": conversation["uuid"],
        "past_user_inputs": said["user"],
        "generated_responses": said["assistant"],
        "new_user_input": said["user"][-1],
    }


def _from_old(conversation: dict[str, Any]) -> list[Message]:
    past, answers = conversation["past_user_inputs"], conversation["generated_responses"]
    if not isinstance(past, list) or not isinstance(answers, list):
        raise ValueError("past_user_inputs and generated_responses must be lists")
    turns = zip_longest(past, answers)
    said = [pair for turn in turns for pair in zip(("user", "assistant"), turn, strict=True)]
    said.append(("user", conversation["new_user_input"]))
    return [{"role": role, "content": text} for role, text in said if text is not None]


def _message(item: Any) -> Message:
    if not isinstance(item, dict) or not isinstance(item.get("content"), str):
        raise ValueError("a message must be an object with role and content, both strings")
    if item.get("role") not in _ROLES:
        raise ValueError(f"a message's role must be one of {', '.join(_ROLES)}")
    return {"role": item["role"], "content": item["content"]}
