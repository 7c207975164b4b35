"""What a caller asks of a task, brought into one form whatever form it came in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chorus_gateway.errors import BadInput
from chorus_gateway.tasks.checks import Check
from chorus_gateway.tasks.forms import MediaSource
from chorus_gateway.tasks.parameters import GENERATION_OBJECTS
from chorus_gateway.tasks.task import Generation, Task

__all__ = ["MediaSource", "TaskRequest", "parse", "parse_raw"]

# Beside `inputs`: what means something, and what Hugging Face's clients and own servers know.
ROOT: Final = ("inputs", "parameters", "stream")
IGNORED_ROOT: Final = (
    *("options", "use_cache", "wait_for_model", "model"),
    *("hf_pipeline", "model_deployed_url"),  # of /predict, which has read them
)
IGNORED_PARAMETERS: Final = ("model",)  # one client leaks it
PARAMETER_ALIASES: Final = {"candidateLabels": "candidate_labels", "stop_sequences": "stop"}


@dataclass(frozen=True)
class TaskRequest:
    """A validated request: the inputs of a batch, and what to do with them."""

    task: Task
    inputs: list[Any]
    """One per input, each in the one form that the task's wire shape gives it."""
    listed: bool
    """Whether the caller sent a list; a single input is answered without one."""
    parameters: dict[str, Any] = field(default_factory=dict)
    stream: bool = False

    def media(self) -> list[MediaSource]:
        """Every image and audio in the inputs, in order."""
        found: list[MediaSource] = []
        _each_source(self.inputs, lambda source: found.append(source))
        return found

    def with_media(self, decoded: list[Any]) -> TaskRequest:
        """The same request with these in the places of `media()`, in its order."""
        rest = iter(decoded)
        return replace(self, inputs=_each_source(self.inputs, lambda _: next(rest)))


def _each_source(value: Any, change: Callable[[MediaSource], Any]) -> Any:
    """Copy nested inputs with every media source changed."""
    match value:
        case MediaSource():
            return change(value)
        case list():
            return [_each_source(item, change) for item in value]
        case dict():
            return {name: _each_source(item, change) for name, item in value.items()}
    return value


def parse(task: Task, body: object, query: Mapping[str, str]) -> TaskRequest:
    """Read a JSON body: an object with `inputs`, or the text itself. Raises BadInput."""
    if isinstance(body, str):
        body = {"inputs": body}
    if not isinstance(body, dict):
        raise BadInput("the body must be an object with inputs, or a string")
    _require_known_root(task, body)
    value, keywords = _split(task, _inputs(task, body))
    listed = isinstance(value, list) and not task.form.is_one(value)
    inputs = _read_batch(task, value) if listed else [task.form.read(value, "inputs")]
    parameters = _parameters(task, _given(task, body, keywords), query)
    return _streamed(TaskRequest(task, inputs, listed, parameters), body.get("stream"))


def parse_raw(task: Task, data: bytes, query: Mapping[str, str]) -> TaskRequest:
    """Read a body that is the input itself: an image, an audio file, a text. Raises BadInput."""
    return TaskRequest(task, [task.form.read_raw(data)], False, _parameters(task, {}, query))


# --------------------------------------------------------------------------------- inputs


def _require_known_root(task: Task, body: Mapping[str, Any]) -> None:
    known = (*ROOT, *IGNORED_ROOT, *_own_root(task))
    for name in body:
        if name not in known:
            raise BadInput(f"{_shown(name)}: unknown beside inputs; known are {', '.join(known)}")


def _own_root(task: Task) -> tuple[str, ...]:
    """What this task has beside `inputs`."""
    fields = tuple(task.form.fields) if task.form.at_root else ()
    return fields + (tuple(task.parameters) if task.at_root else ())


def _inputs(task: Task, body: Mapping[str, Any]) -> Any:
    """The value of `inputs`, or the object that fields beside it amount to."""
    beside = {name: body[name] for name in task.form.fields if task.form.at_root and name in body}
    if beside:
        inputs = body.get("inputs")
        return {**(inputs if isinstance(inputs, dict) else {}), **beside}
    if body.get("inputs") is None:
        raise BadInput("inputs is missing")
    return body["inputs"]


def _split(task: Task, value: Any) -> tuple[Any, dict[str, Any]]:
    """Tell the fields of an object from the parameters written among them."""
    if not isinstance(value, dict):
        return value, {}
    fields = task.form.fields
    keywords = {name: item for name, item in value.items() if name not in fields}
    return _renamed(task, {n: v for n, v in value.items() if n in fields}), keywords


def _renamed(task: Task, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    renamed = {task.form.fields.get(name, name): item for name, item in value.items()}
    if len(renamed) != len(value):
        raise BadInput("inputs names one field twice")
    return renamed


def _read_batch(task: Task, values: list[Any]) -> list[Any]:
    if not values:
        raise BadInput("inputs must not be empty")
    return [
        task.form.read(_renamed(task, value), f"inputs[{index}]")
        for index, value in enumerate(values)
    ]


# ----------------------------------------------------------------------------- parameters


def _given(task: Task, body: Mapping[str, Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Every parameter in the body, wherever it stands."""
    inside = body.get("parameters")
    if not isinstance(inside, dict | None):
        raise BadInput("parameters must be an object")
    beside = {name: body[name] for name in task.parameters if task.at_root and name in body}
    return {**beside, **keywords, **(inside or {})}


def _parameters(task: Task, given: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Check every parameter; the query string counts where the body has none."""
    parameters: dict[str, Any] = {}
    for name, value in _flattened(task, given or query):
        check = _known(task, name)
        if isinstance(value, str) and not given:
            value = check.from_query(value)
        if value is not None or check.nullable:
            parameters[name] = check.require(value, f"parameters.{name}")
    for name in task.required:
        if name not in parameters:
            raise BadInput(
                f"parameters.{name} is missing; it must be {_known(task, name).expected}"
            )
    if parameters.get("min_length", 0) > parameters.get("max_length", float("inf")):
        raise BadInput("parameters.min_length must not be above parameters.max_length")
    return parameters


def _flattened(task: Task, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names as the table has them, and the parameters of generation out of their object."""
    for name, value in given.items():
        if name in GENERATION_OBJECTS and task.generation is not Generation.NONE:
            if not isinstance(value, dict | None):
                raise BadInput(f"parameters.{name} must be an object")
            yield from (value or {}).items()
        elif name not in IGNORED_PARAMETERS:
            yield PARAMETER_ALIASES.get(name, name), value


def _known(task: Task, name: str) -> Check:
    try:
        return task.parameters[name]
    except KeyError:
        known = ", ".join(task.parameters) or "none"
        raise BadInput(
            f"parameters.{_shown(name)}: unknown to {task.name}; known are {known}"
        ) from None


def _shown(name: str) -> str:
    """A name that may stand in an error."""
    return name if name.isidentifier() and len(name) <= 64 else "?"


# --------------------------------------------------------------------------------- stream


def _streamed(request: TaskRequest, stream: Any) -> TaskRequest:
    """Add whether the answer is to come as a stream."""
    if not isinstance(stream, bool | None):
        raise BadInput("stream must be true or false")
    if not stream and request.parameters.get("details"):
        raise BadInput("parameters.details: only a stream has them; send stream too")
    if stream and not request.task.streams:
        raise BadInput(f"stream: {request.task.name} does not stream")
    if stream and len(request.inputs) != 1:
        raise BadInput("stream: one input at a time")
    return replace(request, stream=bool(stream))
