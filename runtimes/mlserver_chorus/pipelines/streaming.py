"""Generation token by token: each goes to the caller's event loop when the next one is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers.generation.streamers import BaseStreamer

from ..errors import InvalidRequest
from . import chance, metrics
from .calls import generation
from .loading import Loaded, refusal
from .running import Left, stoppable

Event = dict[str, Any]
Emit = Callable[[Event], None]

# What `generate` does not get: a stream is always of the new text.
_OURS = ("seed", "return_full_text", "clean_up_tokenization_spaces")
_UNFINISHED = "\ufffd"  # what a tokenizer decodes the first bytes of a character to


def check(options: Mapping[str, Any]) -> None:
    """What one stream cannot hold. Raises InvalidRequest."""
    for name in ("num_return_sequences", "num_beams"):
        if options.get(name, 1) != 1:
            raise InvalidRequest(name, "must be 1 in a stream")


def generate(
    loaded: Loaded, prompt: Any, options: Mapping[str, Any], emit: Emit, left: Left
) -> None:
    """Generate for one prompt; on the lane's thread.

    Raises InvalidRequest for what the model refuses, and Stopped once the caller has left.
    """
    pipe = loaded.pipe
    rest = {name: value for name, value in options.items() if name not in _OURS}
    tokens = Tokens(pipe.tokenizer, pipe.model, emit, rest.get("stop", ()))
    run = _conversation if loaded.task.own else _continuation
    device = pipe.model.device
    try:
        with (
            torch.inference_mode(),
            stoppable(pipe.model, left),
            chance.seeded(device, options.get("seed")),
        ):
            run(pipe, prompt, rest, tokens)
    except ValueError as error:
        raise refusal(error) from error
    tokens.finish()


def _continuation(pipe: Any, prompt: Any, options: dict[str, Any], tokens: Tokens) -> None:
    pipe(prompt, streamer=tokens, **generation(pipe, prompt, options))


def _conversation(pipe: Any, chat: Any, options: dict[str, Any], tokens: Tokens) -> None:
    ids = pipe.prompt(chat, **options)
    pipe.model.generate(**pipe.settings(ids, **options), streamer=tokens)


class Tokens(BaseStreamer):  # type: ignore[misc] # transformers has no types
    """Token ids to events. The texts of the events, joined, are the generated text."""

    def __init__(self, tokenizer: Any, model: Any, emit: Emit, stops: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._ends = _end_ids(model)
        self._special = set(tokenizer.all_special_ids)
        self._emit = emit
        self._stops = tuple(stops)
        self._prompt: int | None = None
        self._ids: list[int] = []
        self._told = ""
        self._held: Event | None = None

    def put(self, value: torch.Tensor) -> None:
        """First the prompt, then each new token, as `generate` has them."""
        ids = value.flatten().tolist()
        if self._prompt is None:
            self._prompt = len(ids)
            return
        for token in ids:
            metrics.STREAMED.inc()
            if self._held:
                self._emit(self._held)
            self._held = self._event(token)

    def end(self) -> None:
        """`generate` is through; `finish` tells the caller."""

    def _event(self, token: int) -> Event:
        self._ids.append(token)
        text = self._decode()
        if text.endswith(_UNFINISHED) or not text.startswith(self._told):
            new = ""
        else:
            new, self._told = text[len(self._told) :], text
        return {
            "token": {"id": token, "text": new, "special": token in self._special},
            "generated_text": None,
            "details": None,
        }

    def _decode(self) -> str:
        return str(self._tokenizer.decode(self._ids, skip_special_tokens=True))

    def finish(self) -> None:
        """Tell the last token, with the whole text and why it ended."""
        if self._held is None:
            raise InvalidRequest("inputs", "nothing was generated for it")
        text = self._decode()
        if text.startswith(self._told):
            self._held["token"]["text"] += text[len(self._told) :]
        stopped = self._ids[-1] in self._ends or any(stop in text for stop in self._stops)
        self._held["generated_text"] = text
        self._held["details"] = {
            "finish_reason": "stop" if stopped else "length",
            "generated_tokens": len(self._ids),
            "prompt_tokens": self._prompt,
        }
        self._emit(self._held)


def _end_ids(model: Any) -> set[int]:
    stated = model.generation_config.eos_token_id
    ids = stated if isinstance(stated, list) else [stated]
    return {int(token) for token in ids if token is not None}
