"""A V2 request to the inputs and options of a task.

Nothing is taken on trust: elements are counted from the data, an input or option that the task
does not know is refused by name, and errors say where, never what the caller wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlserver.types import InferenceRequest

from .. import tensors
from ..errors import InvalidRequest
from . import options as o
from .elements import values
from .inputs import Reader
from .tasks import Input, Task

# What clients of mlserver-huggingface call the one input of a task.
PRIMARY = ("array_inputs", "args", "inputs", "text", "images", "sequences")
# Request parameters that belong to the protocol and to MLServer.
_PROTOCOL = frozenset(
    {
        "binary_data",
        "binary_data_output",
        "content_type",
        "headers",
        "priority",
        "sequence_end",
        "sequence_id",
        "sequence_start",
        "timeout",
        "triton_enable_empty_final_response",
    }
)


@dataclass(frozen=True)
class Call:
    """A validated request."""

    inputs: list[Any]
    options: dict[str, Any]
    flat: bool = False
    """`args` with one text and `top_k`: mlserver-huggingface answers [k, 1], not [1, 1]."""


@dataclass(frozen=True)
class Rules:
    """What a model's requests are held to."""

    task: Task
    max_inputs: int
    max_new_tokens: int
    defaults: Mapping[str, Any]
    """Options that hold where a request does not set them."""


def parse(request: InferenceRequest, rules: Rules, reader: Reader) -> Call:
    """Validate a request. Raises InvalidRequest."""
    tensors.requested(request, ["output"])
    names = tensors.names(request)
    given = _options(request, names, rules.task)
    chosen = {**rules.defaults, **given}
    for name in sorted(rules.task.required - set(chosen)):
        raise InvalidRequest(name, "is required by this task")
    o.check_generation(chosen, rules.max_new_tokens)
    inputs = _inputs(request, names, rules, reader)
    flat = rules.task.name == "text-classification" and "args" in names and len(inputs) == 1
    return Call(inputs, chosen, flat and "top_k" in chosen)


# --------------------------------------------------------------------------------- inputs


def _inputs(request: InferenceRequest, names: list[str], rules: Rules, reader: Reader) -> list[Any]:
    primary = [index for index, name in enumerate(names) if name in PRIMARY]
    if not primary and rules.task.fields and any(name in rules.task.fields for name in names):
        rows = _columns(request, names, rules)
    elif len(primary) == 1:
        rows = _rows(request, primary[0], rules)
    else:
        wanted = ", ".join(name for name, *_ in rules.task.inputs)
        raise InvalidRequest("inputs", f"exactly one input is needed; it is declared as {wanted}")
    if not 1 <= len(rows) <= rules.max_inputs:
        raise InvalidRequest("inputs", f"must hold from 1 to {rules.max_inputs} inputs")
    return [reader.read(value, field) for value, field in rows]


def _values(request: InferenceRequest, index: int, limit: int) -> list[Any]:
    default = tensors.default_content_type(request)
    return values(request.inputs[index], f"inputs[{index}]", default, limit)


def _rows(request: InferenceRequest, index: int, rules: Rules) -> list[tuple[Any, str]]:
    rows = []
    stated = tensors.default_content_type(request)
    default = _declared(rules.task) if stated in (None, "hf") else stated
    found = values(request.inputs[index], f"inputs[{index}]", default, rules.max_inputs)
    for place, value in enumerate(found):
        field = f"inputs[{index}].data[{place}]"
        if _is_batch(value, rules.task):
            rows += [(one, f"{field}[{i}]") for i, one in enumerate(value)]
        else:
            rows.append((value, field))
    return rows


def _declared(task: Task) -> str | None:
    """hg_jsonlist where the task takes nothing else: some clients can name no content type."""
    declared = {content_type for name, _, content_type in task.inputs if name in PRIMARY}
    return "hg_jsonlist" if declared == {"hg_jsonlist"} else None


def _is_batch(value: Any, task: Task) -> bool:
    """Whether a JSON list holds one input per item, and is not itself one: a chat is a list."""
    if not isinstance(value, list) or not value:
        return False
    if task.takes is Input.RANKING:
        return isinstance(value[0], list)
    chats = task.takes in (Input.PROMPT, Input.CHAT) or "images" in task.fields
    is_chat = chats and all(isinstance(v, dict) and "role" in v for v in value)
    return not is_chat


def _columns(request: InferenceRequest, names: list[str], rules: Rules) -> list[tuple[Any, str]]:
    """Records from one input per key, all of one length: `question` and `context`."""
    columns = {
        name: _values(request, index, rules.max_inputs)
        for index, name in enumerate(names)
        if name in rules.task.fields
    }
    if len({len(column) for column in columns.values()}) != 1:
        raise InvalidRequest("inputs", f"{', '.join(columns)} are not of equal length")
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [(record, f"inputs, record {i}") for i, record in enumerate(records)]


# -------------------------------------------------------------------------------- options


def _options(request: InferenceRequest, names: list[str], task: Task) -> dict[str, Any]:
    """Options from extra inputs and from request parameters; the same one twice is an error."""
    given: dict[str, Any] = {}
    for index, name in enumerate(names):
        if name not in PRIMARY and name not in task.fields:
            _known(name, f"inputs[{index}]", task)
            found = _values(request, index, o.MAX_LABELS)
            value = found[0] if len(found) == 1 else found
            if value is not None or task.options.get(name) in _NULLABLE:
                _set(given, name, value, f"inputs[{index}] {name}", task)
    extras = (request.parameters.model_extra if request.parameters else None) or {}
    for name, value in extras.items():
        if name not in _PROTOCOL:
            _known(name, "parameters", task)
            _set(given, name, value, f"parameters.{name}", task)
    return given


_NULLABLE = (o.SCORES["top_k"],)


def _known(name: str, field: str, task: Task) -> None:
    if name in task.options or (task.generates and name in o.GROUPS):
        return
    shown = name if len(name) <= 64 and name.isidentifier() else "this name"
    known = ", ".join(task.options) or "none"
    raise InvalidRequest(field, f"{shown} is unknown to {task.name}; its options are {known}")


def _set(given: dict[str, Any], name: str, value: Any, field: str, task: Task) -> None:
    if name not in o.GROUPS:
        if name in given:
            raise InvalidRequest(field, "given twice")
        given[name] = task.options[name](value, field)
        return
    if not isinstance(value, dict):
        raise InvalidRequest(field, "must be a JSON object (content type hg_json)")
    for key, part in value.items():
        if key in o.GROUPS:
            raise InvalidRequest(field, "must not hold another of its kind")
        _known(key, field, task)
        if part is not None:
            _set(given, key, part, f"{field}.{key}", task)


def checked(options: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """The defaults that a model's settings give, held to the same rules as a request's."""
    given: dict[str, Any] = {}
    for name, value in options.items():
        _known(name, "inference_kwargs", task)
        _set(given, name, value, f"inference_kwargs.{name}", task)
    return given
