"""What each task's options may be: a check per name, none of which knows a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[str, Any], Any]
"""An option's name and value to the value to use; raises ValueError in words for the caller."""

Options = Mapping[str, Check]


def read(values: Mapping[str, Any], known: Options) -> dict[str, Any]:
    """The options that are set, checked; null means the default. Raises ValueError."""
    for name in values:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise ValueError(f"option {name} is unknown to this task; it knows {listed}")
    return {name: known[name](name, value) for name, value in values.items() if value is not None}


def whole(least: int, most: int | None = None) -> Check:
    """A whole number in a closed range."""

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"option {name} must be a whole number")
        if value < least or (most is not None and value > most):
            raise ValueError(f"option {name} must be {_range(least, most)}")
        return value

    return check


def number(least: float, most: float | None = None) -> Check:
    """A finite number in a closed range."""

    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"option {name} must be a number")
        if not math.isfinite(value) or value < least or (most is not None and value > most):
            raise ValueError(f"option {name} must be {_range(least, most)}")
        return float(value)

    return check


def one_of(*choices: Any) -> Check:
    """One of the choices, and of its type: 1 is not True."""

    def check(name: str, value: Any) -> Any:
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        listed = ", ".join(str(choice).lower() for choice in choices)
        raise ValueError(f"option {name} must be one of {listed}")

    return check


def text(name: str, value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"option {name} must be a string that is not empty")
    return value


def texts(name: str, value: Any) -> list[str]:
    """One string or a list of them, none empty."""
    return [text(name, one) for one in (value if isinstance(value, list) else [value])]


def _range(least: float, most: float | None) -> str:
    return f"at least {least}" if most is None else f"from {least} to {most}"


flag = one_of(True, False)

# The ranges are those of Hugging Face's hosted API where it had one. What `generate` knows beyond
# these would reach the machine: custom_generate loads code, assistant_model a second model.
GENERATION: Options = {
    "do_sample": flag,
    "early_stopping": one_of(True, False, "never"),
    "encoder_no_repeat_ngram_size": whole(0),
    "encoder_repetition_penalty": number(0.0, 100.0),
    "epsilon_cutoff": number(0.0, 1.0),
    "eta_cutoff": number(0.0, 1.0),
    "length_penalty": number(-100.0, 100.0),
    "max_length": whole(1),
    "max_new_tokens": whole(1),
    "max_time": number(0.0),
    "min_length": whole(0),
    "min_new_tokens": whole(0),
    "min_p": number(0.0, 1.0),
    "no_repeat_ngram_size": whole(0),
    "num_beams": whole(1, 32),  # beams multiply the memory of a call
    "num_return_sequences": whole(1, 10),
    "repetition_penalty": number(0.0, 100.0),
    "seed": whole(0, 2**63 - 1),
    "temperature": number(0.0, 100.0),
    "top_k": whole(0),
    "top_p": number(0.0, 1.0),
    "typical_p": number(0.0, 1.0),
    "use_cache": flag,
}

_TRUNCATION = one_of(True, False, "do_not_truncate", "longest_first", "only_first", "only_second")

NONE: Options = {}
TEXT_TO_TEXT: Options = {
    **GENERATION,
    "clean_up_tokenization_spaces": flag,
    "truncation": _TRUNCATION,
}
TRANSLATION: Options = {**TEXT_TO_TEXT, "src_lang": text, "tgt_lang": text}
_ONE_ANSWER = {name: check for name, check in GENERATION.items() if name != "num_return_sequences"}
CHAT: Options = {**_ONE_ANSWER, "clean_up_tokenization_spaces": flag, "stop": texts}
IMAGE_TO_TEXT: Options = {**GENERATION, "prompt": text}
VISUAL_QUESTIONS: Options = {"top_k": whole(1)}
QUESTION_ANSWERING: Options = {
    "align_to_words": flag,
    "doc_stride": whole(0),
    "handle_impossible_answer": flag,
    "max_answer_len": whole(1),
    "max_question_len": whole(1),
    "max_seq_len": whole(1),
    "top_k": whole(1),
}
EMBEDDINGS: Options = {
    "dimensions": whole(1),
    "normalize": flag,
    "prompt_name": text,
    "truncate": flag,
    "truncation_direction": one_of("left", "right"),
}
FEATURES: Options = {**EMBEDDINGS, "pooling": one_of("cls", "lasttoken", "max", "mean")}
