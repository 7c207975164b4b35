"""The elements of one tensor to Python values, by content type: strict, both transports alike."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from mlserver.types import RequestInput

from .. import tensors
from ..errors import InvalidRequest

_NUMERIC = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "INT8": np.int8,
    "INT16": np.int16,
    "UINT16": np.uint16,
    "INT32": np.int32,
    "UINT32": np.uint32,
    "INT64": np.int64,
    "UINT64": np.uint64,
    "FP32": np.float32,
    "FP64": np.float64,
}
# Samples of half an hour, or pixels of a large photograph, as JSON numbers.
_MAX_NUMBERS = 100_000_000


def values(tensor: RequestInput, field: str, default: str | None, limit: int) -> list[Any]:
    """The tensor's values, at most `limit`: one per element, or per row of an array.

    `default` is the request's content type. Raises InvalidRequest.
    """
    own = tensors.own_content_type(tensor)
    content_type = own or default
    if content_type in ("np", "nplist"):
        return _arrays(tensor, field, content_type, limit)
    if content_type not in _DECODERS:
        known = ", ".join(sorted([*filter(None, _DECODERS), "np", "nplist"]))
        where = f"{field}.parameters.content_type" if own else "parameters.content_type"
        raise InvalidRequest(where, f"unknown; known are {known}")
    elements = tensors.elements(tensor, field, limit)
    if tensors.datatype(tensor) != "BYTES":
        if content_type not in (None, "raw", "hf"):
            raise InvalidRequest(f"{field}.datatype", f"{content_type} must be BYTES")
        return [_number(element, f"{field}.data[{i}]") for i, element in enumerate(elements)]
    decode = _DECODERS[content_type]
    return [decode(element, f"{field}.data[{i}]") for i, element in enumerate(elements)]


def _number(element: Any, field: str) -> int | float | bool:
    if not isinstance(element, int | float):
        raise InvalidRequest(field, "is not what its datatype says")
    return element


def _plain(element: Any, field: str) -> Any:
    """A text; a number where a client of `raw` wrote one; bytes that are no text stay bytes."""
    if isinstance(element, bytes):
        try:
            return element.decode()
        except UnicodeDecodeError:
            return element
    if not isinstance(element, str | int | float):
        raise InvalidRequest(field, "must be a string")
    return element


def _as_json(element: Any, field: str) -> Any:
    try:
        value = json.loads(tensors.text(element, field), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest(field, "is not valid JSON") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _file(element: Any, field: str) -> Any:
    if not isinstance(element, str | bytes):
        raise InvalidRequest(field, "must be base64")
    return element


_DECODERS: dict[str | None, Callable[[Any, str], Any]] = {
    None: _plain,
    "hf": _plain,
    "str": _plain,
    "raw": _plain,
    "hg_json": _as_json,
    "hg_jsonlist": _as_json,
    "hg_conversation": _as_json,
    "base64": _file,
    "pillow_image": _file,
}


def _arrays(tensor: RequestInput, field: str, content_type: str, limit: int) -> list[Any]:
    """`nplist`: one array per row; `np`: one array, for a tensor without that dimension."""
    kind = tensors.datatype(tensor)
    if kind not in _NUMERIC:
        raise InvalidRequest(f"{field}.datatype", f"{content_type} must be a kind of number")
    numbers = tensors.elements(tensor, field, _MAX_NUMBERS)
    if not all(isinstance(number, int | float) for number in numbers):
        raise InvalidRequest(f"{field}.data", "is not what its datatype says")
    try:
        array: np.ndarray[Any, Any] = np.array(numbers, dtype=_NUMERIC[kind]).reshape(
            list(tensor.shape)
        )
    except (OverflowError, ValueError):
        raise InvalidRequest(f"{field}.data", "is not what its datatype says") from None
    if content_type == "np":
        return [array]
    if math.prod(array.shape[1:]) == 0 or len(array) > limit:
        raise InvalidRequest(f"{field}.shape", f"must hold from 1 to {limit} rows")
    return list(array)
