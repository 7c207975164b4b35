"""V2 tensors to texts and options, and scores to V2 tensors; validates both transports alike.

gRPC requests reach a runtime unchecked and REST ones half checked, so nothing is taken on trust:
elements are counted from the data, never from `shape`. Errors say where (`inputs[0].data[3]`),
never what the caller wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlserver.types import (
    Datatype,
    InferenceRequest,
    Parameters,
    RequestInput,
    ResponseOutput,
)

from . import tensors
from .engine.scores import ACTIVATIONS, top
from .engine.types import Logits
from .errors import InvalidRequest

# `text` is ours; the others are what clients of mlserver-huggingface send.
TEXT_INPUTS = ("text", "args", "array_inputs", "inputs")
MAX_TOP_K = 1024


@dataclass(frozen=True)
class Limits:
    """What one request may hold."""

    texts: int
    chars: int
    """Per text."""


@dataclass(frozen=True)
class Options:
    """What a caller may choose per request."""

    top_k: int = 1
    """Labels per text, best first; as many as there are where that is less. `null` asks for all."""
    listed: bool = False
    """Whether `top_k` was given: then every text gets a list, even of one."""
    activation: str | None = None
    """`function_to_apply`; None is the model's own."""


@dataclass(frozen=True)
class TextRequest:
    """A validated request: texts, options, and the outputs asked for."""

    texts: list[str]
    options: Options
    outputs: tuple[str, ...]
    flat: bool
    """`args` with one text and `top_k`: mlserver-huggingface answers [k, 1], not [1, 1]."""


def parse(request: InferenceRequest, known: Sequence[str], limits: Limits) -> TextRequest:
    """Validate a request for texts; `known` are the outputs on offer. Raises InvalidRequest."""
    names = tensors.names(request)
    for index, name in enumerate(names):
        if name not in (*TEXT_INPUTS, *OPTIONS):
            allowed = ", ".join((*TEXT_INPUTS, *OPTIONS))
            raise InvalidRequest(f"inputs[{index}]", f"unknown input; known are {allowed}")
    text_inputs = [i for i, name in enumerate(names) if name in TEXT_INPUTS]
    if len(text_inputs) != 1:
        raise InvalidRequest("inputs", f"exactly one of {', '.join(TEXT_INPUTS)} must be given")
    (index,) = text_inputs
    texts = _texts(
        request.inputs[index], f"inputs[{index}]", tensors.default_content_type(request), limits
    )
    options = _options(request)
    flat = names[index] == "args" and len(texts) == 1 and options.listed
    return TextRequest(texts, options, tensors.requested(request, known), flat)


def scored(logits: Logits, options: Options, default: str) -> tuple[list[list[int]], list[Any]]:
    """Label ids and float scores of the best labels, both [texts][k], best first."""
    scores = ACTIVATIONS[options.activation or default](logits)
    ids, best = top(scores, options.top_k)
    return ids.tolist(), best.tolist()


def json_output(
    ids: list[list[int]], scores: list[list[float]], labels: Sequence[str], request: TextRequest
) -> ResponseOutput:
    """`output` as mlserver-huggingface gives it: BYTES [N, 1], each element a JSON value."""
    quoted = [json.dumps(label) for label in labels]
    rows = [
        [f'{{"label": {quoted[i]}, "score": {score!r}}}' for i, score in zip(*pair, strict=True)]
        for pair in zip(ids, scores, strict=True)
    ]
    if request.flat:
        elements = rows[0]
    elif request.options.listed:
        elements = [f"[{', '.join(row)}]" for row in rows]
    else:
        elements = [row[0] for row in rows]
    return ResponseOutput(
        name="output",
        datatype=Datatype.BYTES,
        shape=[len(elements), 1],
        data=[element.encode() for element in elements],
        parameters=Parameters(content_type="hg_jsonlist"),
    )


def typed_outputs(
    ids: list[list[int]],
    scores: list[list[float]],
    labels: Sequence[bytes],
    options: Options,
    prefix: str = "",
) -> list[ResponseOutput]:
    """`label` (BYTES) and `score` (FP32), [N], or [N, k] when `top_k` was given."""
    shape = [len(ids), len(ids[0]) if ids else 0] if options.listed else [len(ids)]
    return [
        ResponseOutput(
            name=f"{prefix}label",
            datatype=Datatype.BYTES,
            shape=shape,
            data=[labels[i] for row in ids for i in row],
            parameters=Parameters(content_type="str"),
        ),
        ResponseOutput(
            name=f"{prefix}score",
            datatype=Datatype.FP32,
            shape=shape,
            data=[score for row in scores for score in row],
        ),
    ]


# ---------------------------------------------------------------------------------- texts


def _texts(tensor: RequestInput, field: str, default_type: str | None, limits: Limits) -> list[str]:
    if tensors.datatype(tensor) != "BYTES":
        raise InvalidRequest(f"{field}.datatype", "texts must be BYTES")
    decode = _decoder(tensor, field, default_type)
    elements = tensors.elements(tensor, field, limits.texts)
    texts = [text for i, e in enumerate(elements) for text in decode(e, f"{field}.data[{i}]")]
    # An empty tensor gets empty outputs; an element of JSON that holds no text is a mistake.
    if len(texts) > limits.texts or len(texts) < bool(elements):
        raise InvalidRequest(f"{field}.data", f"must hold from 1 to {limits.texts} texts")
    for i, text in enumerate(texts):
        if len(text) > limits.chars:
            raise InvalidRequest(f"{field}.data[{i}]", f"longer than {limits.chars} characters")
    return texts


def _decoder(
    tensor: RequestInput, field: str, default: str | None
) -> Callable[[Any, str], list[str]]:
    own = tensors.own_content_type(tensor)
    content_type = own or default
    try:
        return _DECODERS[content_type]
    except KeyError:
        known = ", ".join(name for name in _DECODERS if name)
        where = f"{field}.parameters.content_type" if own else "parameters.content_type"
        raise InvalidRequest(where, f"unknown; known are {known}") from None


def _text(element: Any, field: str) -> list[str]:
    return [tensors.text(element, field)]


def _json(text: Any, field: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest(field, "is not valid JSON") from None


def _json_texts(element: Any, field: str) -> list[str]:
    """A JSON string, or a JSON list of strings: what the codecs hg_json and hg_jsonlist write."""
    value = _json(tensors.text(element, field), field)
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) for v in values):
        raise InvalidRequest(field, "must be a JSON string or a list of JSON strings")
    if any("\ud800" <= character <= "\udfff" for v in values for character in v):
        raise InvalidRequest(field, "holds half a surrogate pair, which is no text")
    return values


_DECODERS: dict[str | None, Callable[[Any, str], list[str]]] = {
    None: _text,
    "hf": _text,
    "str": _text,
    "raw": _text,
    "hg_json": _json_texts,
    "hg_jsonlist": _json_texts,
}


# -------------------------------------------------------------------------------- options


def _options(request: InferenceRequest) -> Options:
    """Options from extra inputs and from request parameters; the same one twice is an error."""
    given: dict[str, Any] = {}
    for index, tensor in enumerate(request.inputs):
        if tensor.name in OPTIONS:
            given[tensor.name] = _option_value(tensor, f"inputs[{index}]")
    extras = (request.parameters.model_extra if request.parameters else None) or {}
    for name in OPTIONS:
        if name in extras:
            if name in given:
                raise InvalidRequest(f"parameters.{name}", "given as an input too")
            given[name] = (extras[name], f"parameters.{name}")
    options: dict[str, Any] = {}
    for name, (value, field) in given.items():
        options.update(OPTIONS[name](value, field))
    return Options(**options)


def _option_value(tensor: RequestInput, field: str) -> tuple[Any, str]:
    elements = tensors.elements(tensor, field, limit=1)
    if len(elements) != 1:
        raise InvalidRequest(field, "must hold one value")
    value = elements[0]
    if isinstance(value, bytes):
        value = tensors.text(value, f"{field}.data[0]")
    if tensors.own_content_type(tensor) in ("hg_json", "hg_jsonlist"):
        value = _json(value, f"{field}.data[0]")
    return value, f"{field}.data[0]"


def _top_k(value: Any, field: str) -> dict[str, Any]:
    if value is None:
        return {"top_k": MAX_TOP_K, "listed": True}
    # Clients that know only texts send "3"; a bool is an int to Python and to nobody else.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TOP_K:
        raise InvalidRequest(field, f"top_k must be a whole number from 1 to {MAX_TOP_K}")
    return {"top_k": value, "listed": True}


def _function_to_apply(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise InvalidRequest(field, f"function_to_apply must be one of {', '.join(ACTIVATIONS)}")
    return {"activation": value}


OPTIONS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "top_k": _top_k,
    "function_to_apply": _function_to_apply,
}
