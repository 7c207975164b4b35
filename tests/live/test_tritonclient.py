"""NVIDIA's clients against our server, unmodified."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http
from tests.conftest import Runtime
from tests.live.oracle import TEXTS, TOLERANCE, assert_right, best
from tritonclient.utils import InferenceServerException

JSON = {"content-type": "application/json"}


def pairs(labels: Any, scores: Any) -> list[Any]:
    return [
        {"label": label, "score": float(score)} for label, score in zip(labels, scores, strict=True)
    ]


@pytest.fixture(scope="module")
def http(runtime: Runtime) -> Iterator[Any]:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{runtime.ports.http}") as opened:
        yield opened


def http_input(texts: tuple[str, ...]) -> Any:
    given = tritonclient.http.InferInput("text", [len(texts)], "BYTES")
    given.set_data_from_numpy(np.array(texts, dtype=object), binary_data=False)
    return given


@pytest.mark.parametrize("headers", [None, JSON], ids=str)
def test_http_client_gets_typed_outputs(http: Any, headers: dict[str, str] | None) -> None:
    outputs = [
        tritonclient.http.InferRequestedOutput(name, binary_data=False)
        for name in ("label", "score")
    ]
    answer = http.infer("cardiffnlp", [http_input(TEXTS)], outputs=outputs, headers=headers)
    rows = pairs(answer.as_numpy("label"), answer.as_numpy("score"))
    for row, text in zip(rows, TEXTS, strict=True):
        assert_right([row], "cardiffnlp", text)


def test_http_client_sends_options(http: Any) -> None:
    top_k = tritonclient.http.InferInput("top_k", [1], "INT64")
    top_k.set_data_from_numpy(np.array([2]), binary_data=False)
    answer = http.infer("cardiffnlp", [http_input(TEXTS[:1]), top_k], headers=JSON)
    (element,) = answer.as_numpy("output").flatten()
    assert_right(json.loads(element), "cardiffnlp", TEXTS[0], 2)


def by_default(texts: tuple[str, ...]) -> Any:
    """What the client sends unless it is told not to: binary."""
    given = tritonclient.http.InferInput("text", [len(texts)], "BYTES")
    given.set_data_from_numpy(np.array(texts, dtype=object))
    return given


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_http_client_with_its_defaults(http: Any, compression: str | None) -> None:
    """Binary both ways, no outputs named, no content type."""
    answer = http.infer(
        "cardiffnlp", [by_default(TEXTS)], request_compression_algorithm=compression
    )
    assert "binary_data_size" in answer.get_output("output")["parameters"]
    for element, text in zip(answer.as_numpy("output").flatten(), TEXTS, strict=True):
        assert_right([json.loads(element)], "cardiffnlp", text)


@pytest.mark.parametrize("binary", [(True, True), (False, True), (True, False)], ids=str)
def test_http_client_chooses_output_by_output(http: Any, binary: tuple[bool, bool]) -> None:
    outputs = [
        tritonclient.http.InferRequestedOutput(name, binary_data=wanted)
        for name, wanted in zip(("label", "score"), binary, strict=True)
    ]
    answer = http.infer("cardiffnlp", [by_default(TEXTS)], outputs=outputs)
    for name, wanted in zip(("label", "score"), binary, strict=True):
        assert ("data" in answer.get_output(name)) != wanted
    labels = [
        label.decode() if isinstance(label, bytes) else label for label in answer.as_numpy("label")
    ]
    rows = pairs(labels, answer.as_numpy("score"))
    for row, text in zip(rows, TEXTS, strict=True):
        assert_right([row], "cardiffnlp", text)


def test_http_client_sends_options_in_binary(http: Any) -> None:
    top_k = tritonclient.http.InferInput("top_k", [1], "INT64")
    top_k.set_data_from_numpy(np.array([2]))
    answer = http.infer("cardiffnlp", [by_default(TEXTS[:1]), top_k])
    (element,) = answer.as_numpy("output").flatten()
    assert_right(json.loads(element), "cardiffnlp", TEXTS[0], 2)


def test_http_client_gets_the_ensemble_in_binary(http: Any) -> None:
    (score,) = http.infer("process", [by_default(TEXTS[:1])]).as_numpy("svalabs.score")
    assert score == pytest.approx(best("svalabs", TEXTS[0])[0]["score"], abs=TOLERANCE)


def test_http_client_reads_the_repository(http: Any) -> None:
    """It sends no body."""
    states = {model["name"]: model["state"] for model in http.get_model_repository_index()}
    assert states["process"] == "READY"


def test_http_client_reads_health_and_metadata(http: Any) -> None:
    assert http.is_server_live()
    assert http.is_server_ready()
    assert http.is_model_ready("process")
    assert not http.is_model_ready("nobody")
    assert http.get_model_metadata("process")["name"] == "process"
    assert http.get_server_metadata()["name"] == "chorus"


def test_http_client_sees_our_errors(http: Any) -> None:
    lie = http_input(TEXTS[:1])
    lie.set_shape([3])
    with pytest.raises(InferenceServerException) as refusal:
        http.infer("cardiffnlp", [lie], headers=JSON)
    assert refusal.value.status() == "400"
    assert refusal.value.message() == "inputs[0].data: does not match the shape"


@pytest.fixture(scope="module")
def told(runtime: Runtime) -> dict[str, Any]:
    """What the gRPC client was told, in a process without MLServer's own messages."""
    script = Path(__file__).with_name("triton_grpc.py")
    run = subprocess.run(
        [sys.executable, script, runtime.grpc_address],
        input=json.dumps({"texts": TEXTS}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    answers: dict[str, Any] = json.loads(run.stdout)
    return answers


def test_grpc_client_gets_typed_outputs(told: dict[str, Any]) -> None:
    rows = pairs(told["typed"]["label"], told["typed"]["score"])
    for row, text in zip(rows, TEXTS, strict=True):
        assert_right([row], "cardiffnlp", text)


@pytest.mark.parametrize("kind", ["options as inputs", "options as parameters"])
def test_grpc_client_sends_options(told: dict[str, Any], kind: str) -> None:
    (element,) = told[kind]
    assert_right(json.loads(element), "cardiffnlp", TEXTS[0], 2, "sigmoid")


def test_grpc_client_gets_the_ensemble(told: dict[str, Any]) -> None:
    (score,) = told["ensemble"]["svalabs.score"]
    assert score == pytest.approx(best("svalabs", TEXTS[0])[0]["score"], abs=TOLERANCE)


def test_grpc_client_reads_health_and_metadata(told: dict[str, Any]) -> None:
    assert told["ready"] == [True, True, True]
    assert told["outputs"] == ["output", "label", "score"]


def test_grpc_client_sees_our_errors(told: dict[str, Any]) -> None:
    assert told["error"] == [
        "StatusCode.INVALID_ARGUMENT",
        "inputs[0].data: does not match the shape",
    ]
