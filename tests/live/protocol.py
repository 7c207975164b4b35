"""V2 in the tests' own words: one request and one answer, whatever carries them.

The messages are MLServer's: tritonclient's have the same names, and one process cannot hold both.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import httpx
import numpy as np
from mlserver.grpc import dataplane_pb2 as pb
from tritonclient.utils import deserialize_bytes_tensor

Json = dict[str, Any]

# The verdict over gRPC that goes with each HTTP status.
STATUSES = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_RAW_FORMATS = {"INT64": "q", "INT32": "i", "FP32": "f", "BOOL": "?"}


def tensor(
    data: Any,
    name: str = "text",
    *,
    shape: Any = None,
    datatype: str = "BYTES",
    content_type: str | None = None,
) -> Json:
    """An input; its shape is that of flat data unless another is given."""
    made = {
        "name": name,
        "shape": [len(data)] if shape is None else shape,
        "datatype": datatype,
        "data": data,
    }
    return made | ({"parameters": {"content_type": content_type}} if content_type else {})


def option(name: str, value: Any, datatype: str = "BYTES") -> Json:
    """An option as clients of mlserver-huggingface send it: one more input."""
    return tensor([value], name, datatype=datatype, content_type="raw")


def request(*inputs: Json, outputs: Sequence[str] = (), **parameters: Any) -> Json:
    """A request for an inference."""
    made: Json = {"inputs": list(inputs)}
    if outputs:
        made["outputs"] = [{"name": name} for name in outputs]
    if parameters:
        made["parameters"] = parameters
    return made


@dataclass(frozen=True)
class Output:
    """One output; texts are str whatever the transport made of them."""

    datatype: str
    shape: list[int]
    data: list[Any]
    content_type: str | None


@dataclass(frozen=True)
class Answer:
    """What came back: outputs with status 200, an error otherwise."""

    status: int
    error: str = ""
    outputs: Mapping[str, Output] = field(default_factory=dict)
    id: str = ""

    @property
    def results(self) -> list[Any]:
        """The elements of the default output, parsed."""
        assert self.status == 200, self.error
        return [json.loads(element) for element in self.outputs["output"].data]


class Transport(Protocol):
    """A way to ask the server."""

    def infer(self, request: Json, model: str = "cardiffnlp", version: str = "") -> Answer: ...


# ------------------------------------------------------------------------------------ REST


def rest_path(model: str, version: str = "") -> str:
    versioned = f"/versions/{version}" if version else ""
    return f"/v2/models/{model}{versioned}/infer"


def rest_answer(status: int, body: Json) -> Answer:
    if status != 200:
        assert set(body) == {"error"}, body
        return Answer(status, body["error"])
    outputs = {
        output["name"]: Output(
            output["datatype"],
            output["shape"],
            output["data"],
            output.get("parameters", {}).get("content_type"),
        )
        for output in body["outputs"]
    }
    return Answer(status, outputs=outputs, id=body["id"])


class Rest:
    """JSON over HTTP."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def infer(self, request: Json, model: str = "cardiffnlp", version: str = "") -> Answer:
        response = self._client.post(rest_path(model, version), json=request)
        return rest_answer(response.status_code, response.json())


# ------------------------------------------------------------------------------------ gRPC


def message(
    request: Json, model: str = "cardiffnlp", version: str = "", *, raw: bool = False
) -> pb.ModelInferRequest:
    """The same request for gRPC, with typed or with raw contents."""
    made = pb.ModelInferRequest(model_name=model, model_version=version, id=request.get("id", ""))
    for given in request["inputs"]:
        added = made.inputs.add(
            name=given["name"], datatype=given["datatype"], shape=given["shape"]
        )
        _set_parameters(added.parameters, given.get("parameters", {}))
        if raw:
            made.raw_input_contents.append(packed(given["data"], given["datatype"]))
        else:
            _set_contents(added.contents, given["data"])
    for output in request.get("outputs", ()):
        made.outputs.add(name=output["name"])
    _set_parameters(made.parameters, request.get("parameters", {}))
    return made


def packed(data: Sequence[Any], datatype: str = "BYTES") -> bytes:
    """Elements as raw contents."""
    if datatype != "BYTES":
        return struct.pack(f"<{len(data)}{_RAW_FORMATS[datatype]}", *data)
    elements = [_as_bytes(element) for element in data]
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def _as_bytes(element: str | bytes) -> bytes:
    return element.encode() if isinstance(element, str) else element


def _set_contents(contents: Any, data: Sequence[Any]) -> None:
    """The field is chosen by what the elements are, which need not be what the datatype says."""
    for element in data:
        match element:
            case str() | bytes():
                contents.bytes_contents.append(_as_bytes(element))
            case bool():
                contents.bool_contents.append(element)
            case int():
                contents.int64_contents.append(element)
            case float():
                contents.fp32_contents.append(element)
            case _:
                raise TypeError(f"gRPC cannot carry {element!r}")


def _set_parameters(parameters: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        match value:
            case bool():
                parameters[name].bool_param = value
            case int():
                parameters[name].int64_param = value
            case str():
                parameters[name].string_param = value
            case _:
                raise TypeError(f"gRPC cannot carry {value!r}")


def grpc_answer(response: pb.ModelInferResponse) -> Answer:
    raw = list(response.raw_output_contents)
    assert len(raw) in (0, len(response.outputs))
    outputs = {}
    for index, output in enumerate(response.outputs):
        content_type = output.parameters["content_type"].string_param or None
        data = _unpacked(output, raw[index]) if raw else _contents(output)
        outputs[output.name] = Output(output.datatype, list(output.shape), data, content_type)
    return Answer(200, outputs=outputs, id=response.id)


def _contents(output: pb.ModelInferResponse.InferOutputTensor) -> list[Any]:
    if output.datatype == "BYTES":
        return [element.decode() for element in output.contents.bytes_contents]
    return list(output.contents.fp32_contents)


def _unpacked(output: pb.ModelInferResponse.InferOutputTensor, raw: bytes) -> list[Any]:
    if output.datatype == "BYTES":
        return [element.decode() for element in deserialize_bytes_tensor(raw)]
    return [float(score) for score in np.frombuffer(raw, dtype="<f4")]


def grpc_refusal(error: grpc.RpcError) -> Answer:
    return Answer(STATUSES.get(error.code(), 0), error.details() or "")


class Grpc:
    """Protocol buffers, with typed or with raw contents both ways."""

    def __init__(self, stub: Any, *, raw: bool = False, headers: Mapping[str, str] = {}) -> None:
        self._stub, self._raw, self._headers = stub, raw, tuple(headers.items())

    def infer(self, request: Json, model: str = "cardiffnlp", version: str = "") -> Answer:
        return self.send(message(request, model, version, raw=self._raw))

    def send(self, prepared: pb.ModelInferRequest) -> Answer:
        try:
            response = self._stub.ModelInfer(prepared, timeout=60, metadata=self._headers)
        except grpc.RpcError as error:
            return grpc_refusal(error)
        assert bool(response.raw_output_contents) == bool(prepared.raw_input_contents)
        return grpc_answer(response)
