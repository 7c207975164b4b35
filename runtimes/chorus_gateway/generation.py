"""Text as it is generated: what a model server sends for each token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from chorus_gateway.errors import UpstreamFailed, UpstreamInvalid


@dataclass(frozen=True)
class Ending:
    """The whole new text, and why and after how many tokens it ended."""

    text: str
    reason: str
    tokens: int
    prompt_tokens: int


@dataclass(frozen=True)
class Step:
    """One token; the last one has the ending."""

    id: int
    text: str
    special: bool
    ending: Ending | None


def read_step(event: Mapping[str, Any]) -> Step:
    """Read one V2 answer of a stream. Raises UpstreamInvalid, UpstreamFailed."""
    match event:
        case {"error": _}:
            raise UpstreamFailed("an error in the stream")
        case {"outputs": [{"data": [str(text)]}]}:
            return _step(text)
    raise UpstreamInvalid("an event of the stream is not an answer with one element")


def _step(text: str) -> Step:
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("an event of the stream is not JSON") from None
    match content:
        case {"token": {"id": int(number), "text": str(piece), "special": bool(special)}}:
            return Step(number, piece, special, _ending(content))
    raise UpstreamInvalid("an event of the stream is not a token")


def _ending(content: Mapping[str, Any]) -> Ending | None:
    match content:
        case {"generated_text": None} | {"details": None}:
            return None
        case {
            "generated_text": str(text),
            "details": {
                "finish_reason": "length" | "stop" as reason,
                "generated_tokens": int(tokens),
                "prompt_tokens": int(prompt_tokens),
            },
        }:
            return Ending(text, reason, tokens, prompt_tokens)
    raise UpstreamInvalid("the end of the stream is not as it should be")
