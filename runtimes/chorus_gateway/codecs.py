"""The bridge to mlserver-huggingface's own codecs: values in, V2 tensors out, and back.

Their package imports TensorFlow, optimum and a class that transformers no longer has, and MLServer
is a whole server; the codecs need none of it. So they are imported without the packages around
them, on first use: that takes half a second of CPU and 50 MB, which a gateway that serves no task
never spends.

What they would refuse, lose or break on the far side travels as JSON (`hg_json`) or is refused
here, by name; `encode_option` and `encode_records` say which.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from chorus_gateway.errors import BadInput, UpstreamInvalid

if TYPE_CHECKING:
    from PIL.Image import Image

Tensor = dict[str, Any]  # one input of a V2 request, as its JSON

MLSERVER: Final = "mlserver"
PACKAGE: Final = "mlserver_huggingface"
IMAGE_PREFIX: Final = "data:image/"  # any string in a dict that begins so is an image to them
MAX_DEPTH: Final = 100  # no option nests deeper; Python's own stack ends at ten times that
MAX_INTEGER: Final = 2**63 - 1  # what a V2 integer holds

_CONVERSATION: Final = ("uuid", "past_user_inputs", "generated_responses", "new_user_input")
_loading = threading.Lock()


class Conversation:
    """Stands in for the class that transformers dropped; the codecs only ask `isinstance`."""


class Codecs(NamedTuple):
    """The codecs in use; each is a class with `encode_input`."""

    string: Any
    base64: Any
    image: Any
    json: Any
    jsonlist: Any
    raw: Any


def load() -> Codecs:
    """Import the codecs, once; safe from any thread."""
    with _loading:
        return _load()


@cache
def _load() -> Codecs:
    # All that is heavy comes first, so that the stand-ins are in place for a moment only.
    importlib.import_module("pandas")
    importlib.import_module("PIL.Image")
    with _stand_ins():
        mlserver = importlib.import_module(f"{MLSERVER}.codecs")
        ours = importlib.import_module(f"{PACKAGE}.codecs")
    return Codecs(
        string=mlserver.StringCodec,
        base64=mlserver.Base64Codec,
        image=ours.PILImageCodec,
        json=ours.HuggingfaceSingleJSONCodec,
        jsonlist=ours.HuggingfaceListJSONCodec,
        raw=ours.RawCodec,
    )


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Put bare packages and a transformers with a Conversation in place of the real ones.

    Whatever was there before is there again afterwards, so a later import finds the real ones.
    """
    pipelines = ModuleType("transformers.pipelines")
    vars(pipelines)["Conversation"] = Conversation
    transformers = ModuleType("transformers")
    vars(transformers)["pipelines"] = pipelines
    stand_ins = {
        MLSERVER: _bare_package(MLSERVER),
        PACKAGE: _bare_package(PACKAGE),
        "transformers": transformers,
        "transformers.pipelines": pipelines,
    }
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _bare_package(name: str) -> ModuleType:
    """The package with its path and without having run a line of it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is missing; run make install")
    return importlib.util.module_from_spec(spec)


# --------------------------------------------------------------------------------- encode


def encode_request(tensors: Sequence[Tensor]) -> bytes:
    """One V2 request of these inputs, as JSON."""
    return orjson.dumps({"inputs": tensors})


def encode_texts(name: str, texts: Sequence[str]) -> Tensor:
    """Texts as `str`, [N, 1]."""
    return _tensor(load().string.encode_input(name, list(texts), use_bytes=False))


def encode_images(name: str, images: Sequence[Image]) -> Tensor:
    """Images as `pillow_image`, [N, 1]: base64 in the format of each, PNG where it has none."""
    for image in images:
        image.format = image.format or "PNG"  # lost by every conversion, and the codec needs it
    return _tensor(load().image.encode_input(name, list(images), use_bytes=False))


def encode_audio(name: str, files: Sequence[bytes]) -> Tensor:
    """Audio files, byte for byte, as `base64`, [N, 1]."""
    return _tensor(load().base64.encode_input(name, list(files), use_bytes=False))


def encode_records(name: str, records: Sequence[Any]) -> Tensor:
    """JSON values, images inside dicts allowed, as `hg_jsonlist`, [N, 1]. Raises BadInput."""
    for record in records:
        _require_json(record, name)
    return _tensor(load().jsonlist.encode_input(name, list(records), use_bytes=False))


def encode_option(name: str, value: Any) -> Tensor:
    """One option, so that the far side reads exactly this JSON value. Raises BadInput.

    Scalars are `raw` and of the V2 type that they have, lists of strings `str`; null, other lists
    and dicts, which these would lose or refuse, are `hg_json`.
    """
    _require_json(value, name)
    codecs = load()
    datatype = _datatype(value)
    if datatype is not None:
        tensor = _tensor(codecs.raw.encode_input(name, value))
        return tensor | {"datatype": datatype}  # the codec calls all of them BYTES
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return encode_texts(name, value)
    return _tensor(codecs.json.encode_input(name, value, use_bytes=False))


def _datatype(value: Any) -> str | None:
    """The V2 type of a scalar; None for what is no scalar, or fits no V2 type."""
    match value:
        case bool():
            return "BOOL"
        case int():
            return "INT64" if abs(value) <= MAX_INTEGER else None
        case float():
            return "FP64"
        case str():
            return "BYTES"
    return None


def _tensor(encoded: Any) -> Tensor:
    """MLServer's RequestInput as the JSON of V2."""
    return {
        "name": encoded.name,
        "shape": encoded.shape,
        "datatype": str(getattr(encoded.datatype, "value", encoded.datatype)),
        "parameters": {"content_type": encoded.parameters.content_type},
        "data": encoded.data.root,
    }


def _require_json(value: Any, name: str, depth: int = 0) -> None:
    """Refuse what JSON does not have, and what the far side would take for something else."""
    if depth > MAX_DEPTH:
        raise BadInput(f"{name} nests deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool() | int() | str():
            pass
        case float():
            if not math.isfinite(value):
                raise BadInput(f"{name} must not hold NaN or infinity")
        case list() | tuple():
            for item in value:
                _require_json(item, name, depth + 1)
        case dict():
            _require_own_dict(value, name)
            for item in value.values():
                _require_json(item, name, depth + 1)
        case _ if not _is_image(value):
            raise BadInput(f"{name} must be JSON")


def _require_own_dict(value: dict[Any, Any], name: str) -> None:
    if not all(isinstance(key, str) for key in value):
        raise BadInput(f"{name} must be JSON")
    if any(isinstance(v, str) and v.startswith(IMAGE_PREFIX) for v in value.values()):
        raise BadInput(f"{name} must not hold a text that begins with {IMAGE_PREFIX}")
    if value.keys() == set(_CONVERSATION):
        raise BadInput(f"{name} must not hold exactly the fields {', '.join(_CONVERSATION)}")


def _is_image(value: Any) -> bool:
    return isinstance(value, importlib.import_module("PIL.Image").Image)


# --------------------------------------------------------------------------------- decode


def decode_output(reply: Mapping[str, Any]) -> list[Any]:
    """The JSON values of the reply's `output` (`hg_jsonlist` or `hg_json`). Raises UpstreamInvalid.

    Read as plain JSON: the codec would open every image in it, only for us to write it again.
    """
    outputs = reply.get("outputs")
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise UpstreamInvalid("not exactly one output")
    data = outputs[0].get("data")
    content_type = (outputs[0].get("parameters") or {}).get("content_type")
    if content_type not in ("hg_jsonlist", "hg_json") or not isinstance(data, list):
        raise UpstreamInvalid("the output is neither hg_jsonlist nor hg_json")
    try:
        return [orjson.loads(element) for element in data]
    except (orjson.JSONDecodeError, TypeError):
        raise UpstreamInvalid("an element of the output is not JSON") from None
