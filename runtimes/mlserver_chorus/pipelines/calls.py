"""How each kind of task runs its pipeline: inputs and options to one result for each input.

A result is what the pipeline returns for that input alone. `rows` is how many inputs may share a
forward pass, which loading has seen to change no answer; everything else runs one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidRequest
from . import answers
from .running import counted

Options = Mapping[str, Any]
Call = Callable[[Any, list[Any], Options, int], list[Any]]


def alone(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """One after another, with the options as they are."""
    return [pipe(_copied(one), **options) for one in inputs]


def _copied(one: Any) -> Any:
    return dict(one) if isinstance(one, dict) else one  # some pipelines write into what they get


def together(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """In one call; those of like length beside each other, so that little is padded."""
    order = sorted(range(len(inputs)), key=lambda index: _length(inputs[index]))
    results = counted(pipe([inputs[index] for index in order], batch_size=rows, **options), order)
    placed = dict(zip(order, results, strict=True))
    return [placed[index] for index in range(len(inputs))]


def _length(one: Any) -> int:
    return len(one) if isinstance(one, str) else 0


def filled(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """Texts with a mask token; the pipeline unwraps a list of one."""
    mask = pipe.tokenizer.mask_token
    if any(mask not in text for text in inputs):
        raise InvalidRequest("inputs", f"a text holds no {mask}, which is what is to be filled")
    if len(inputs) == 1:
        return alone(pipe, inputs, options, rows)
    return together(pipe, inputs, options, rows)


def labelled(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """Images with labels to look for, which the pipeline wants in one record."""
    rest = dict(options)
    labels = rest.pop("candidate_labels")
    return [pipe({"image": image, "candidate_labels": labels}, **rest) for image in inputs]


def generated(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """Texts or chats continued."""
    return [pipe(prompt, **generation(pipe, prompt, options)) for prompt in inputs]


def generation(pipe: Any, prompt: Any, options: Options) -> dict[str, Any]:
    """Options for one prompt, in the pipeline's names, that fit into the model's positions."""
    named = dict(options)
    if "stop" in named:
        named["stop_sequence"] = named.pop("stop")
    room = pipe.model.config.get_text_config()
    limit = getattr(room, "max_position_embeddings", None)
    if limit:
        taken = prompt_tokens(pipe, prompt)
        if taken >= limit:
            raise InvalidRequest("inputs", f"{taken} tokens, and the model takes {limit} in all")
        asked = named.get("max_new_tokens")
        if asked and taken + asked > limit:
            most = limit - taken
            raise InvalidRequest("max_new_tokens", f"must be at most {most} after this prompt")
        if not asked and "max_length" not in named:
            named["max_new_tokens"] = min(default_new_tokens(pipe), limit - taken)
    return named


def default_new_tokens(pipe: Any) -> int:
    """What the pipeline generates where nobody says how much."""
    stated = pipe.model.generation_config.max_new_tokens
    return int(stated or pipe._generation_defaults.get("max_new_tokens", 256))


def prompt_tokens(pipe: Any, prompt: Any) -> int:
    """Tokens of a prompt as the pipeline will feed it. Raises InvalidRequest without a template."""
    tokenizer = pipe.tokenizer
    if isinstance(prompt, str):
        return len(tokenizer(prompt)["input_ids"])
    if not tokenizer.chat_template:
        raise InvalidRequest("inputs", "this model has no chat template; send a text")
    prefilled = prompt[-1]["role"] == "assistant"
    ids = tokenizer.apply_chat_template(
        prompt,
        add_generation_prompt=not prefilled,
        continue_final_message=prefilled,
        return_dict=True,
    )
    return len(ids["input_ids"])


def described(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """Images with texts, or chats that hold images."""
    rest = dict(options)
    named = {}
    if "return_full_text" in rest:
        named["return_full_text"] = rest.pop("return_full_text")
    if "stop" in rest:
        rest["stop_strings"] = rest.pop("stop")
        rest["tokenizer"] = pipe.processor.tokenizer
    results = []
    for one in inputs:
        given = dict(one) if isinstance(one, dict) else {"text": one}
        results.append(pipe(**given, generate_kwargs=dict(rest), **named))
    return results


def transcribed(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """Recordings to text."""
    return [pipe(samples.copy(), **options) for samples in inputs]


def spoken(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """Texts to WAV files."""
    if not all(text.strip() for text in inputs):
        raise InvalidRequest("inputs", "an empty text cannot be spoken")
    if pipe.tokenizer and not all(len(pipe.tokenizer(text)["input_ids"]) for text in inputs):
        raise InvalidRequest("inputs", "a text holds nothing that this model can speak")
    made = [
        pipe(text, **({"generate_kwargs": dict(options)} if options else {})) for text in inputs
    ]
    return [answers.wave(one["audio"], one["sampling_rate"]) for one in made]


def own(pipe: Any, inputs: list[Any], options: Options, rows: int) -> list[Any]:
    """A task of `own/`, which takes and gives lists."""
    results: list[Any] = pipe(inputs, **options)
    return results


CALLS: Mapping[str, Call] = {
    "alone": alone,
    "described": described,
    "filled": filled,
    "generated": generated,
    "labelled": labelled,
    "own": own,
    "spoken": spoken,
    "together": together,
    "transcribed": transcribed,
}
