"""What the bridge writes, read back by mlserver-huggingface's own codecs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlserver.types import InferenceRequest
from PIL import Image

from chorus_gateway import codecs
from chorus_gateway.errors import BadInput, UpstreamInvalid

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
TEXT = st.text().filter(lambda text: not text.startswith(codecs.IMAGE_PREFIX))
JSON = st.recursive(
    SCALARS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def read(*tensors: codecs.Tensor) -> dict[str, Any]:
    """What a runtime of mlserver-huggingface makes of a request."""
    codecs.load()
    from mlserver_huggingface.codecs.base import HuggingfaceRequestCodec

    request = InferenceRequest.model_validate_json(codecs.encode_request(tensors))
    decoded: dict[str, Any] = HuggingfaceRequestCodec.decode_request(request)
    return decoded


@given(JSON)
@settings(deadline=None)
def test_every_json_option_round_trips(value: Any) -> None:
    (decoded,) = read(codecs.encode_option("option", value)).values()
    assert decoded == value
    assert type(decoded) is type(value)


@given(st.lists(JSON, min_size=1, max_size=4))
@settings(deadline=None)
def test_every_json_record_round_trips(values: list[Any]) -> None:
    assert read(codecs.encode_records("array_inputs", values)) == {"array_inputs": values}


@given(st.lists(st.text(), min_size=1, max_size=4))
@settings(deadline=None)
def test_every_text_round_trips(texts: list[str]) -> None:
    assert list(read(codecs.encode_texts("args", texts))["args"]) == texts


@given(st.lists(st.binary(min_size=1), min_size=1, max_size=4))
@settings(deadline=None)
def test_every_audio_file_round_trips(files: list[bytes]) -> None:
    assert list(read(codecs.encode_audio("inputs", files))["inputs"]) == files


@pytest.mark.parametrize(
    ("value", "datatype", "content_type"),
    [
        ("simple", "BYTES", "raw"),
        (3, "INT64", "raw"),
        (0.5, "FP64", "raw"),
        (True, "BOOL", "raw"),
        (["a", "b"], "BYTES", "str"),
        (None, "BYTES", "hg_json"),
        ([], "BYTES", "hg_json"),
        ([1, 2], "BYTES", "hg_json"),
        ([[1], [2]], "BYTES", "hg_json"),
        (["a", 1], "BYTES", "hg_json"),
        (("a",), "BYTES", "hg_json"),
        ({"a": [1]}, "BYTES", "hg_json"),
        (2**63, "BYTES", "hg_json"),
    ],
)
def test_an_option_travels_as_what_it_is(value: Any, datatype: str, content_type: str) -> None:
    tensor = codecs.encode_option("option", value)
    assert tensor["datatype"] == datatype
    assert tensor["parameters"] == {"content_type": content_type}
    assert read(tensor) == {"option": list(value) if isinstance(value, tuple) else value}


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        [float("nan")],
        {"a": {"b": float("-inf")}},
        b"bytes",
        {"a": b"bytes"},
        {1: "a"},
        pytest.param(object(), id="object"),
        {"a": "data:image/png;base64,AAAA"},
        {"a": [{"b": "data:image/ is only a text"}]},
        dict.fromkeys(("uuid", "past_user_inputs", "generated_responses", "new_user_input")),
    ],
    ids=repr,
)
def test_what_would_not_arrive_is_refused_by_name(value: Any) -> None:
    with pytest.raises(BadInput, match=r"^option "):
        codecs.encode_option("option", value)
    with pytest.raises(BadInput, match=r"^records "):
        codecs.encode_records("records", [value])


def test_endless_nesting_is_refused() -> None:
    value: Any = 0
    for _ in range(100_000):
        value = [value]
    with pytest.raises(BadInput, match="nests deeper"):
        codecs.encode_option("option", value)


def test_an_image_needs_no_format() -> None:
    image = Image.new("RGB", (2, 3), (1, 2, 3))
    converted = image.convert("L")
    assert converted.format is None
    (first, second) = read(codecs.encode_images("inputs", [image, converted]))["inputs"]
    assert (first.format, first.mode, first.size) == ("PNG", "RGB", (2, 3))
    assert first.tobytes() == image.tobytes()
    assert second.tobytes() == converted.tobytes()


def test_an_image_in_a_record_arrives_as_an_image() -> None:
    image = Image.new("RGB", (2, 3), (1, 2, 3))
    record = {"image": image, "question": "What?"}
    (decoded,) = read(codecs.encode_records("array_inputs", [record]))["array_inputs"]
    assert decoded["question"] == "What?"
    assert decoded["image"].tobytes() == image.tobytes()


def output(*data: Any, content_type: str | None = "hg_jsonlist") -> dict[str, Any]:
    parameters = {"content_type": content_type} if content_type else None
    return {"outputs": [{"name": "output", "parameters": parameters, "data": list(data)}]}


def test_an_output_is_read_as_plain_json() -> None:
    image = '{"mask": "data:image/png;base64,AAAA"}'
    text = '{"generated_text": "data:image/ is only a text"}'
    assert codecs.decode_output(output(image, text)) == [json.loads(image), json.loads(text)]


def test_stock_outputs_are_understood() -> None:
    codecs.load()
    from mlserver_huggingface.codecs.base import HuggingfaceRequestCodec

    result = [{"label": "é", "score": 0.1}, [1, None]]
    response = HuggingfaceRequestCodec.encode_response("model", result)
    assert codecs.decode_output(orjson.loads(response.model_dump_json())) == result


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"outputs": []},
        {"outputs": "output"},
        {"outputs": [1]},
        {"outputs": output("1")["outputs"] * 2},
        output("1", content_type="str"),
        output("1", content_type=None),
        output("{"),
        output("NaN"),
        output(7),
        output(None),
        {"outputs": [{"parameters": {"content_type": "hg_jsonlist"}, "data": "1"}]},
    ],
)
def test_anything_else_is_invalid(reply: dict[str, Any]) -> None:
    with pytest.raises(UpstreamInvalid):
        codecs.decode_output(reply)


CLEAN = """
import sys
from chorus_gateway import codecs
import chorus_gateway.tasks.table, chorus_gateway.tasks.wire
heavy = {"mlserver", "PIL", "numpy", "torch", "transformers"}
assert not heavy & set(sys.modules), "nothing heavy before the first use"
codecs.encode_option("top_k", None)
never = {"torch", "tensorflow", "optimum", "transformers", "transformers.pipelines"}
assert not never & set(sys.modules), never & set(sys.modules)
"""

LATER = """
import sys
%s
from chorus_gateway import codecs
codecs.encode_option("top_k", None)
import transformers, transformers.pipelines
assert transformers.__version__ and transformers.pipelines.__file__
assert transformers.pipelines is sys.modules["transformers.pipelines"]
assert not hasattr(transformers.pipelines, "Conversation")
"""


@pytest.mark.parametrize(
    "program",
    [
        CLEAN,
        LATER % "",
        pytest.param(LATER % "import transformers", marks=pytest.mark.slow),
        pytest.param(LATER % "import transformers.pipelines", marks=pytest.mark.slow),
    ],
    ids=["imports nothing", "transformers after", "transformers before", "pipelines before"],
)
def test_imports_in_a_fresh_process(program: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


def test_many_threads_load_the_same_codecs() -> None:
    loaded: list[codecs.Codecs] = []
    threads = [threading.Thread(target=lambda: loaded.append(codecs.load())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 8
    assert len({id(one) for one in loaded}) == 1
