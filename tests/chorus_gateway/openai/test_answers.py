from __future__ import annotations

from chorus_gateway.generation import Ending
from chorus_gateway.openai.answers import CHAT, COMPLETION, Answer
from chorus_gateway.openai.choices import Piece

PIECES = [
    Piece(1, "x"),
    Piece(0, "a"),
    Piece(1, "y", Ending("xy", "stop", 2, 3), "stop"),
    Piece(0, "b", Ending("ab", "length", 4, 3), "length"),
]


def test_a_whole_completion() -> None:
    answer = Answer(COMPLETION, "m", "1", n=2).whole(PIECES)
    assert answer["object"] == "text_completion"
    assert answer["id"].startswith("cmpl-")
    assert answer["choices"] == [
        {"index": 0, "text": "ab", "logprobs": None, "finish_reason": "length"},
        {"index": 1, "text": "xy", "logprobs": None, "finish_reason": "stop"},
    ]
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}


def test_a_prompt_counts_once_for_its_choices_and_each_prompt_counts() -> None:
    assert Answer(COMPLETION, "m", "1", n=1).usage(PIECES)["prompt_tokens"] == 6


def test_a_chat_in_chunks() -> None:
    answer = Answer(CHAT, "m", "1", n=1)
    first, last = answer.chunk(PIECES[1]), answer.chunk(PIECES[3])
    assert first["object"] == last["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "a"}
    assert [c["choices"][0]["finish_reason"] for c in (first, last)] == [None, "length"]
    assert first["id"] == last["id"]
    usage = answer.last_chunk([PIECES[3]])
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 7


def test_a_whole_chat() -> None:
    (choice,) = Answer(CHAT, "m", "1", n=1).whole([PIECES[1], PIECES[3]])["choices"]
    assert choice["message"] == {"role": "assistant", "content": "ab"}
