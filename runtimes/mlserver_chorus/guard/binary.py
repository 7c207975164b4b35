"""The binary tensor data extension of V2 over REST: JSON first, the tensors' bytes behind it.

`tritonclient.http` speaks it unless told not to. Little-endian; an element of BYTES is its length
in four bytes, then itself; BF16, which MLServer does not know, is read as the FP32 it abbreviates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import orjson
from mlserver.types import InferenceRequest, InferenceResponse, TensorData

from ..errors import InvalidRequest
from ..tensors import datatype

HEADER: Final = "inference-header-content-length"
MEDIA_TYPE: Final = "application/octet-stream"

_EXTENSION: Final = "binary tensor data extension"
_PREFIX: Final = 4  # bytes before each element of BYTES
_NUMBERS: Final = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


def _wrong(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest(field, f"{problem} ({_EXTENSION})")


def not_served() -> InvalidRequest:
    """For who sends tensors where nobody reads them."""
    return _wrong("Inference-Header-Content-Length", "is understood by infer alone")


# -------------------------------------------------------------------------------- requests


def split(body: bytes, declared: str) -> tuple[bytes, memoryview]:
    """The JSON of a body and what follows it. Raises InvalidRequest."""
    if not (declared.isascii() and declared.isdecimal() and len(declared) < 10):
        raise _wrong("Inference-Header-Content-Length", "must be a whole number")
    length = int(declared)
    if not 0 < length <= len(body):
        raise _wrong("Inference-Header-Content-Length", "is not within the body")
    return body[:length], memoryview(body)[length:]


def fill(asked: Any, raw: memoryview) -> None:
    """Give the inputs of a parsed request their data out of what follows it, in their order.

    What is no request is left for its own validator to refuse. Raises InvalidRequest.
    """
    inputs = asked.get("inputs") if isinstance(asked, dict) else None
    for index, given in enumerate(inputs if isinstance(inputs, list) else ()):
        if isinstance(given, dict):
            raw = raw[_fill_one(given, raw, f"inputs[{index}]") :]
    if len(raw):
        raise _wrong("inputs", "say less binary_data_size than follows them")


def _fill_one(given: dict[str, Any], raw: memoryview, field: str) -> int:
    """Returns how many bytes the input has taken."""
    parameters = given.get("parameters")
    size = parameters.pop("binary_data_size", None) if isinstance(parameters, dict) else None
    if size is None:
        if "data" not in given:
            raise _wrong(field, "has neither data nor parameters.binary_data_size")
        return 0
    where = f"{field}.parameters.binary_data_size"
    if "data" in given:
        raise _wrong(where, "stands beside data")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(raw):
        raise _wrong(where, "is not within the body")
    given["data"] = _elements(given, raw[:size], where)
    return size


def _elements(given: dict[str, Any], raw: memoryview, where: str) -> list[Any]:
    kind = given.get("datatype")
    if kind == "BYTES":
        return _texts(raw, where)
    if kind == "BF16":
        given["datatype"] = "FP32"
        halves = np.frombuffer(_whole(raw, 2, where), "<u2").astype("<u4")
        return list((halves << 16).view("<f4").tolist())
    if not isinstance(kind, str) or kind not in _NUMBERS:
        return []  # the datatype is refused by its own validator
    numbers = np.dtype(_NUMBERS[kind])
    return list(np.frombuffer(_whole(raw, numbers.itemsize, where), numbers).tolist())


def _whole(raw: memoryview, size: int, where: str) -> memoryview:
    if len(raw) % size:
        raise _wrong(where, "is not a whole number of elements")
    return raw


def _texts(raw: memoryview, where: str) -> list[bytes]:
    found, place, end = [], 0, len(raw)
    while place < end:
        start = place + _PREFIX
        place = start + int.from_bytes(raw[place:start], "little")
        if start > end or place > end:
            raise _wrong(where, "cuts an element off")
        found.append(bytes(raw[start:place]))
    return found


# --------------------------------------------------------------------------------- answers


def wanted(request: InferenceRequest) -> Callable[[str], bool] | None:
    """Which outputs the caller wants as bytes, None where it wants none. Raises InvalidRequest."""
    extras = (request.parameters.model_extra if request.parameters else None) or {}
    every = _flag(extras, "binary_data_output", "parameters", False)
    chosen = {
        output.name: _flag(
            output.parameters.model_extra or {},
            "binary_data",
            f"outputs[{index}].parameters",
            every,
        )
        for index, output in enumerate(request.outputs or ())
        if output.parameters
    }
    if not every and not any(chosen.values()):
        return None
    return lambda name: chosen.get(name, every)


def _flag(values: dict[str, Any], name: str, field: str, default: bool) -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(f"{field}.{name}", "must be true or false")
    return value


def encode(answer: InferenceResponse, wants: Callable[[str], bool]) -> tuple[bytes, int]:
    """An answer with these of its outputs as bytes: the body, and the length of its JSON."""
    raw: dict[int, bytes] = {}
    for index, output in enumerate(answer.outputs):
        if wants(output.name):
            raw[index] = _packed(output.data.root, datatype(output))
            output.data = TensorData(root=[])
    said = answer.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    for index, data in raw.items():
        output = said["outputs"][index]
        del output["data"]
        output.setdefault("parameters", {})["binary_data_size"] = len(data)
    header = orjson.dumps(said)
    return b"".join([header, *raw.values()]), len(header)


def _packed(data: list[Any], kind: str) -> bytes:
    if kind != "BYTES":
        return np.array(data, _NUMBERS[kind]).tobytes()
    parts: list[bytes] = []
    for element in data:
        encoded = element.encode() if isinstance(element, str) else element
        parts += [len(encoded).to_bytes(_PREFIX, "little"), encoded]
    return b"".join(parts)
