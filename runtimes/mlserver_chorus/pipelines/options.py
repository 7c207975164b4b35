"""What a request may set for a task: one check per option, each with its range.

A check takes the value and the name of its field, and gives the value that the pipeline gets.
Clients that know only texts send "3" and "true"; those are taken for what they say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidRequest

Check = Callable[[Any, str], Any]
Options = Mapping[str, Any]

MAX_TOP_K = 1024
MAX_SEQUENCES = 16
"""Most sequences that one input may have generated, and most beams."""
MAX_LABELS = 256
MAX_SHORT_TEXT = 1000
"""Characters of a label, a template, a stop string."""
# Twice any table of positions that models have; the cap that counts is the process's.
_MAX_TOKENS = 1_000_000


def whole(low: int, high: int, *, null: bool = False) -> Check:
    """A whole number from `low` to `high`; `null` where that means something."""

    def check(value: Any, field: str) -> int | None:
        if null and value is None:
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidRequest(field, f"must be a whole number from {low} to {high}")
        return value

    return check


def number(low: float, high: float, *, above: bool = False) -> Check:
    """A number from `low` (or above it) to `high`."""

    def check(value: Any, field: str) -> float:
        if isinstance(value, str) and len(value) < 32:
            try:
                value = float(value)
            except ValueError:
                value = None
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not low <= value <= high or (above and value == low):
            words = f"above {low}, at most" if above else f"from {low} to"
            raise InvalidRequest(field, f"must be a number {words} {high}")
        return float(value)

    return check


def flag(value: Any, field: str) -> bool:
    """True or false."""
    named = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(named, bool):
        raise InvalidRequest(field, "must be true or false")
    return named


def choice(*values: Any) -> Check:
    """One of a few values."""

    def check(value: Any, field: str) -> Any:
        if not isinstance(value, str | bool) or value not in values:
            raise InvalidRequest(
                field, f"must be one of {', '.join(json.dumps(v) for v in values)}"
            )
        return value

    return check


def short(value: Any, field: str) -> str:
    """A short text."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_SHORT_TEXT:
        raise InvalidRequest(field, f"must be a text of 1 to {MAX_SHORT_TEXT} characters")
    return value


def texts(value: Any, field: str) -> list[str]:
    """A short text or a list of them."""
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= MAX_LABELS:
        raise InvalidRequest(field, f"must hold from 1 to {MAX_LABELS} texts")
    return [short(v, f"{field}[{i}]" if len(values) > 1 else field) for i, v in enumerate(values)]


def maybe_texts(value: Any, field: str) -> list[str]:
    """Like texts, or an empty list."""
    return [] if value == [] else texts(value, field)


def labels(value: Any, field: str) -> list[str]:
    """Labels; one text may hold several with commas between, as pipelines take it."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        (value,) = value
    if isinstance(value, str):
        value = [label.strip() for label in value.split(",") if label.strip()]
    return texts(value, field)


def template(value: Any, field: str) -> str:
    """A text with one `{}`, and no other brace: `str.format` would reach into objects."""
    value = short(value, field)
    if value.count("{}") != 1 or value.count("{") != 1 or value.count("}") != 1:
        raise InvalidRequest(field, "must hold {} once, and no other brace")
    return str(value)


def language(value: Any, field: str) -> str:
    """A language's code or name, `fra_Latn` or `eng+deu`; never an argument of a program."""
    value = short(value, field)
    if len(value) > 64 or not value.isascii() or not value[0].isalpha():
        raise InvalidRequest(field, "must be a language's code or name")
    if not all(character.isalnum() or character in "_+- " for character in value):
        raise InvalidRequest(field, "must be a language's code or name")
    return str(value)


def plain(value: Any, field: str) -> Any:
    """What a task of `own/` checks by itself, of a bounded size."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, short(value, field))
    if not isinstance(value, int | float):
        raise InvalidRequest(field, "must be a text, a number, true or false")
    return value


TOP_K: Mapping[str, Check] = {"top_k": whole(1, MAX_TOP_K)}
SCORES: Mapping[str, Check] = {
    "top_k": whole(1, MAX_TOP_K, null=True),
    "function_to_apply": choice("sigmoid", "softmax", "none"),
}
LABELS: Mapping[str, Check] = {"candidate_labels": labels, "hypothesis_template": template}
THRESHOLD: Mapping[str, Check] = {"threshold": number(0, 1)}
GENERATION: Mapping[str, Check] = {
    "max_new_tokens": whole(1, _MAX_TOKENS),
    "min_new_tokens": whole(0, _MAX_TOKENS),
    "max_length": whole(1, _MAX_TOKENS),
    "min_length": whole(0, _MAX_TOKENS),
    "do_sample": flag,
    "temperature": number(0, 100, above=True),
    "top_k": whole(0, 100_000),
    "top_p": number(0, 1, above=True),
    "min_p": number(0, 1),
    "typical_p": number(0, 1, above=True),
    "repetition_penalty": number(0, 100, above=True),
    "length_penalty": number(-100, 100),
    "no_repeat_ngram_size": whole(0, 1000),
    "num_beams": whole(1, MAX_SEQUENCES),
    "early_stopping": choice(True, False, "never"),
    "epsilon_cutoff": number(0, 1),
    "eta_cutoff": number(0, 1),
    "use_cache": flag,
    "num_return_sequences": whole(1, MAX_SEQUENCES),
    "seed": whole(0, 2**63 - 1),
}
DOCUMENT: Mapping[str, Check] = {
    **TOP_K,
    "doc_stride": whole(1, 4096),
    "max_answer_len": whole(1, 4096),
    "max_seq_len": whole(1, 8192),
    "handle_impossible_answer": flag,
}
SPANS: Mapping[str, Check] = {**DOCUMENT, "max_question_len": whole(1, 4096)}
EMBEDDING: Mapping[str, Check] = {
    "dimensions": whole(1, 100_000),
    "normalize": flag,
    "truncate": flag,
}
# One meaning each; what is in them is taken as if it stood beside them.
GROUPS = ("generate_kwargs", "generation_parameters", "generate_parameters")


def check_generation(options: Options, max_new_tokens: int) -> None:
    """What no option can see alone. Raises InvalidRequest."""
    for name in ("max_new_tokens", "min_new_tokens", "max_length", "min_length"):
        if options.get(name, 0) > max_new_tokens:
            raise InvalidRequest(name, f"must be at most {max_new_tokens} here")
    for low, high in (("min_new_tokens", "max_new_tokens"), ("min_length", "max_length")):
        if low in options and high in options and options[low] > options[high]:
            raise InvalidRequest(low, f"must not be above {high}")
    wanted, beams = options.get("num_return_sequences", 1), options.get("num_beams", 1)
    if wanted > 1 and options.get("do_sample") is False and beams < wanted:
        raise InvalidRequest("num_return_sequences", "needs do_sample, or as many num_beams")
