"""Wrong requests that only Protocol Buffers can carry: the message, the field of its refusal."""

from __future__ import annotations

import struct
from typing import Any

from mlserver.grpc import dataplane_pb2 as pb
from tests.live.protocol import Json, message, option, packed, request
from tests.reliability.rows import CANARY, DATA, text


def made(*inputs: Json, **parameters: Any) -> pb.ModelInferRequest:
    return message(request(*(inputs or (text(),)), **parameters), "left")


def raw(*contents: bytes, inputs: tuple[Json, ...] = ()) -> pb.ModelInferRequest:
    """A request whose raw contents are these, whatever its inputs say."""
    asked = made(*inputs)
    for tensor in asked.inputs:
        tensor.ClearField("contents")
    asked.raw_input_contents.extend(contents)
    return asked


def with_contents(**contents: Any) -> pb.ModelInferRequest:
    """A request whose typed contents are these."""
    asked = made()
    asked.inputs[0].ClearField("contents")
    for name, values in contents.items():
        getattr(asked.inputs[0].contents, name).extend(values)
    return asked


def with_double(name: str, value: float) -> pb.ModelInferRequest:
    """V2 has parameters of type double (field 4); MLServer's messages do not know them."""
    asked = made()
    asked.parameters[name].MergeFromString(b"\x21" + struct.pack("<d", value))
    return asked


def with_both() -> pb.ModelInferRequest:
    """Typed contents and raw ones, which need not be the same."""
    asked = made()
    asked.raw_input_contents.append(packed(["another"]))
    return asked


GOOD = packed([CANARY])
TOP_K = option("top_k", 2, "INT64")
TWO_INPUTS = (text(), TOP_K)

MESSAGES: dict[str, tuple[pb.ModelInferRequest, str]] = {
    "text cut off": (raw(GOOD[:-2]), "inputs"),
    "length cut off": (raw(GOOD[:2]), "inputs"),
    "more than the length says": (raw(GOOD + b"xx"), "inputs"),
    "length of 4 GiB": (raw(b"\xff\xff\xff\xff" + CANARY.encode()), "inputs"),
    "two texts where one is said": (raw(packed([CANARY, "b"])), DATA),
    "no text where one is said": (raw(b""), DATA),
    "contents for one input of two": (raw(GOOD, inputs=TWO_INPUTS), "inputs"),
    "contents for an input too many": (raw(GOOD, GOOD), "inputs"),
    "number cut off": (raw(GOOD, b"\x02\0\0\0\0\0\0", inputs=TWO_INPUTS), "inputs"),
    "number too long": (raw(GOOD, b"\x02" + b"\0" * 8, inputs=TWO_INPUTS), "inputs"),
    "number of a huge shape": (
        raw(GOOD, b"\0" * 8, inputs=(text(), TOP_K | {"shape": [2**62] * 3})),
        "inputs",
    ),
    "number of an unknown datatype": (
        raw(GOOD, b"\0" * 8, inputs=(text(), TOP_K | {"datatype": CANARY})),
        "inputs",
    ),
    "typed contents beside raw ones": (with_both(), "inputs[0].contents"),
    "invalid UTF-8, raw": (raw(packed([b"\xff\xfe"])), f"{DATA}[0]"),
    "invalid UTF-8": (made(text([b"\xff\xfe"])), f"{DATA}[0]"),
    "UTF-8 of half a character": (made(text([b"\xed\xa0\x80"])), f"{DATA}[0]"),
    "contents missing": (with_contents(), DATA),
    "numbers where texts are said": (with_contents(fp32_contents=[1.0]), f"{DATA}[0]"),
    "contents of two kinds": (
        with_contents(int64_contents=[1], bytes_contents=[CANARY.encode()]),
        f"{DATA}[0]",
    ),
    "content type is a number": (made(content_type=7), "inputs"),
    "headers are a text": (made(headers=CANARY), "inputs"),
    "top_k is a float": (with_double("top_k", 1.0), "parameters"),
}

# Not a ModelInferRequest at all.
GARBAGE = {
    "no message": b"\xff\xff\xff",
    "cut off": made().SerializeToString()[:-3],
    "model's name is not UTF-8": b"\x0a\x02\xff\xfe",
    "input's name is not UTF-8": b"\x0a\x04left\x2a\x04\x0a\x02\xff\xfe",
}
