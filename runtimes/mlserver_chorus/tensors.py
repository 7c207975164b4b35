"""V2 tensors as both transports deliver them: elements counted, texts decoded, outputs named.

gRPC requests reach a runtime unchecked and REST ones half checked, so nothing is taken on trust.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlserver.types import (
    Datatype,
    InferenceRequest,
    MetadataTensor,
    Parameters,
    RequestInput,
    ResponseOutput,
)

from .errors import InvalidRequest

# More than any tensor of texts has; a product over thousands would take the event loop's time.
MAX_DIMENSIONS = 8


def names(request: InferenceRequest) -> list[str]:
    """The names of the inputs, in order. Raises InvalidRequest where two are the same."""
    found = [tensor.name for tensor in request.inputs or ()]
    for index, name in enumerate(found):
        if name in found[:index]:
            raise InvalidRequest(f"inputs[{index}]", "a name that an earlier input has already")
    return found


def default_content_type(request: InferenceRequest) -> str | None:
    """The content type of inputs that do not say their own."""
    return request.parameters.content_type if request.parameters else None


def own_content_type(tensor: RequestInput) -> str | None:
    """What an input says of itself."""
    return tensor.parameters.content_type if tensor.parameters else None


def datatype(tensor: RequestInput | ResponseOutput) -> str:
    """The datatype's name; over gRPC it may be any string."""
    return str(getattr(tensor.datatype, "value", tensor.datatype))


def elements(tensor: RequestInput, field: str, limit: int) -> list[Any]:
    """The elements of a tensor, flat and maybe none; their number must be what `shape` says."""
    data = tensor.data.root
    if not isinstance(data, list):
        raise InvalidRequest(f"{field}.data", "must be an array")
    shape = list(tensor.shape)
    if len(shape) > MAX_DIMENSIONS:
        raise InvalidRequest(f"{field}.shape", f"more than {MAX_DIMENSIONS} dimensions")
    if not shape or any(isinstance(d, bool) or not isinstance(d, int) or d < 0 for d in shape):
        raise InvalidRequest(f"{field}.shape", "must be a list of whole numbers, none negative")
    expected = math.prod(shape)
    if expected > limit:
        raise InvalidRequest(f"{field}.shape", f"more than {limit} elements")
    if len(data) != expected or any(isinstance(element, list) for element in data):
        data = _flattened(data, shape, f"{field}.data")
    return data


def _flattened(data: list[Any], shape: list[int], field: str) -> list[Any]:
    """Nested data as a flat list, if its nesting is exactly that of the shape."""
    level = data
    for depth, size in enumerate(shape):
        if depth:
            if not all(isinstance(part, list) for part in level):
                raise InvalidRequest(field, "does not match the shape")
            parts = level
            level = [element for part in parts for element in part]
            regular = all(len(part) == size for part in parts)
        else:
            regular = len(level) == size
        if not regular:
            raise InvalidRequest(field, "does not match the shape")
    return level


def text(element: Any, field: str) -> str:
    """A BYTES element as a text. Raises InvalidRequest."""
    if isinstance(element, str):
        return element
    if not isinstance(element, bytes):
        raise InvalidRequest(field, "must be a string")
    try:
        return element.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(field, "is not valid UTF-8") from None


def requested(request: InferenceRequest, known: Sequence[str]) -> tuple[str, ...]:
    """The outputs that the caller asks for, in that order; empty when none is named."""
    found = [output.name for output in request.outputs or ()]
    for index, name in enumerate(found):
        if name in found[:index]:
            raise InvalidRequest(f"outputs[{index}]", "asked for twice")
        if name not in known:
            raise InvalidRequest(f"outputs[{index}]", f"unknown; known are {', '.join(known)}")
    return tuple(found)


def described(name: str, kind: str, shape: list[int], content_type: str | None) -> MetadataTensor:
    """One line of a model's metadata."""
    parameters = Parameters(content_type=content_type) if content_type else None
    return MetadataTensor(name=name, datatype=Datatype(kind), shape=shape, parameters=parameters)
