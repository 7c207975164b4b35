"""Conversations answered by a language model through its tokenizer's chat template."""

from __future__ import annotations

from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from ...engine.errors import LoadError
from . import limits
from .checkpoint import Checkpoint
from .conversation import answered, messages
from .generation import generate, lend_padding, lengths
from .options import Options, read
from .rows import filler

_ANSWER_TOKENS = 256  # the most that an answer has unless the request says, as in transformers 4.41


class Conversational:
    """`[{"role", "content"}, …]` to the same with the assistant's message at its end.

    For streaming: `prompt` gives the token ids, `settings` the keyword arguments for
    `model.generate` beside them.
    """

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.tokenizer = checkpoint.tokenizer
        if not self.tokenizer.chat_template:
            raise LoadError("conversational needs a tokenizer with a chat template, this has none")
        self._reads_apart = bool(checkpoint.config.is_encoder_decoder)
        family = AutoModelForSeq2SeqLM if self._reads_apart else AutoModelForCausalLM
        self.model = checkpoint.model(family)
        self._options = options
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        lend_padding(self.model, self.tokenizer)

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """Each conversation with its answer. Raises ValueError."""
        return [self._answer(conversation, options) for conversation in inputs]

    def prompt(self, conversation: Any, **options: Any) -> list[int]:
        """The token ids that the answer follows; what is too long loses its beginning.

        Raises ValueError, also when the template refuses the order of the messages.
        """
        try:
            ids: list[int] = self.tokenizer.apply_chat_template(
                messages(conversation), add_generation_prompt=True, return_dict=False
            )
        except TemplateError as error:
            raise ValueError("the model's chat template refuses these messages") from error
        return ids[-self._room(read(options, self._options)) :] or [filler(self.tokenizer)]

    def settings(self, prompt: list[int], **options: Any) -> dict[str, Any]:
        """Keyword arguments for `model.generate` that answer the prompt. Raises ValueError."""
        chosen = read(options, self._options)
        chosen.pop("clean_up_tokenization_spaces", None)
        if "max_length" not in chosen:
            chosen.setdefault("max_new_tokens", _ANSWER_TOKENS)
        if "stop" in chosen:
            chosen |= {"stop_strings": chosen.pop("stop"), "tokenizer": self.tokenizer}
        before = 1 if self._reads_apart else len(prompt)
        limit = limits.writable(self.model)
        ids = torch.tensor([prompt], device=self.model.device)
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            **chosen,
            **lengths(self.model, chosen, prompt=before, limit=limit),
        }

    def _answer(self, conversation: Any, options: dict[str, Any]) -> Any:
        prompt = self.prompt(conversation, **options)
        (ids,) = generate(self.model, {}, self.settings(prompt, **options))
        chosen = read(options, self._options)
        text = self.tokenizer.decode(
            ids[1 if self._reads_apart else len(prompt) :],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=chosen.get("clean_up_tokenization_spaces", True),
        )
        for stop in chosen.get("stop", ()):
            text = text.partition(stop)[0]
        return answered(conversation, text)

    def _room(self, chosen: dict[str, Any]) -> int:
        """Most tokens of a prompt: half of the positions at least are its own."""
        if self._reads_apart:
            return limits.readable(self.model, self.tokenizer)
        limit = limits.writable(self.model)
        return limit - min(int(chosen.get("max_new_tokens", _ANSWER_TOKENS)), limit // 2)


def load(task: str, checkpoint: Checkpoint, options: Options) -> Conversational:
    """The task on the checkpoint. Raises LoadError."""
    return Conversational(checkpoint, options)
