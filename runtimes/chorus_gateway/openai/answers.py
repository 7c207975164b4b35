"""The objects that OpenAI's clients read: completions and chats, whole and in chunks."""

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from chorus_gateway.generation import Ending
from chorus_gateway.openai.choices import Piece


@dataclass(frozen=True)
class Style:
    """What differs between the two kinds of answers."""

    prefix: str
    whole: str
    chunk: str
    content: Callable[[str], dict[str, Any]]
    piece: Callable[[str], dict[str, Any]]


def _message(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


COMPLETION: Final = Style(
    "cmpl-",
    "text_completion",
    "text_completion",
    content=lambda text: {"text": text},
    piece=lambda text: {"text": text},
)
CHAT: Final = Style(
    "chatcmpl-",
    "chat.completion",
    "chat.completion.chunk",
    content=lambda text: {"message": _message(text)},
    piece=lambda text: {"delta": _message(text)},
)


@dataclass(frozen=True)
class Answer:
    """One answer of a model; `n` is how many choices each prompt has."""

    style: Style
    model: str
    version: str
    n: int
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, pieces: Iterable[Piece]) -> dict[str, Any]:
        """Every choice at once."""
        texts: dict[int, str] = {}
        ends: dict[int, Piece] = {}
        for piece in pieces:
            texts[piece.choice] = texts.get(piece.choice, "") + piece.text
            if piece.ending:
                ends[piece.choice] = piece
        choices = [
            _choice(number, self.style.content(texts[number]), end.reason)
            for number, end in sorted(ends.items())
        ]
        return self._object(self.style.whole, choices) | {"usage": self.usage(ends.values())}

    def chunk(self, piece: Piece) -> dict[str, Any]:
        """Some more of one choice."""
        choice = _choice(piece.choice, self.style.piece(piece.text), piece.reason)
        return self._object(self.style.chunk, [choice])

    def last_chunk(self, ends: Iterable[Piece]) -> dict[str, Any]:
        """The usage, after all choices have ended."""
        return self._object(self.style.chunk, []) | {"usage": self.usage(ends)}

    def usage(self, ends: Iterable[Piece]) -> dict[str, int]:
        """Count the tokens; a prompt counts once for all its choices."""
        endings: dict[int, Ending] = {end.choice: end.ending for end in ends if end.ending}
        prompt = sum(e.prompt_tokens for choice, e in endings.items() if choice % self.n == 0)
        new = sum(ending.tokens for ending in endings.values())
        return {
            "prompt_tokens": prompt,
            "completion_tokens": new,
            "total_tokens": prompt + new,
        }

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.style.prefix + self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"chorus-{self.version}",
            "choices": choices,
        }


def _choice(number: int, content: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": number, **content, "logprobs": None, "finish_reason": reason}
