"""V2 clients of others, unmodified, against pipelines: REST, gRPC and `mlserver infer`."""

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
from tests.clients import v2_grpc
from tests.clients.comparing import assert_same
from tests.clients.v2_requests import REQUESTS
from tests.stack.conftest import Stack


@pytest.fixture(scope="module")
def http(tasks: Stack) -> Iterator[Any]:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{tasks.ports[1]}") as client:
        yield client


def http_input(name: str, datatype: str, values: list[Any]) -> Any:
    given = tritonclient.http.InferInput(name, [len(values)], datatype)
    array = np.array(values, dtype=v2_grpc.TYPES[datatype])
    given.set_data_from_numpy(array, binary_data=False)
    return given


def by_http(client: Any, name: str) -> list[Any]:
    """The elements that the HTTP client gets."""
    request = REQUESTS[name]
    answer = client.infer(request.model, [http_input(*given) for given in request.inputs])
    return [json.loads(element) for element in answer.as_numpy("output").flatten()]


@pytest.fixture(scope="module")
def by_grpc(tasks: Stack) -> dict[str, Any]:
    """What the gRPC client got, in a process without MLServer's own messages."""
    return v2_grpc.ask(f"127.0.0.1:{tasks.ports[2]}")


@pytest.mark.parametrize("name", REQUESTS)
def test_http_client(http: Any, name: str) -> None:
    REQUESTS[name].check(by_http(http, name))


@pytest.mark.parametrize("name", REQUESTS)
def test_grpc_client_gets_the_same(http: Any, by_grpc: dict[str, Any], name: str) -> None:
    assert "error" not in by_grpc[name], by_grpc[name]["error"]
    assert_same(by_grpc[name]["elements"], by_http(http, name))


# `mlserver infer` gives a request as many rows of an answer as it has inputs: here one of two.
CUT_BY_THE_COMMAND = {"one text, an option"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(REQUESTS.keys() - CUT_BY_THE_COMMAND))
def test_mlserver_infer_gets_the_same(tasks: Stack, http: Any, name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(REQUESTS[name].as_json()) + "\n")
    command = [str(Path(sys.executable).with_name("mlserver")), "infer", "-w", "1"]
    command += ["-u", f"127.0.0.1:{tasks.ports[1]}", "-m", REQUESTS[name].model]
    command += ["-i", str(source), "-o", str(target)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    reply = json.loads(target.read_text())
    found = [json.loads(element) for element in reply["outputs"][0]["data"]]
    assert_same(found, by_http(http, name))


@pytest.mark.parametrize("task", sorted({request.model for request in REQUESTS.values()}))
def test_metadata_names_the_task_and_the_inputs(http: Any, task: str) -> None:
    metadata = http.get_model_metadata(task)
    assert metadata["parameters"]["task"] == task
    assert metadata["parameters"]["weights"] == "standin"
    assert [output["name"] for output in metadata["outputs"]] == ["output"]
    first = metadata["inputs"][0]["name"]
    requests = [request for request in REQUESTS.values() if request.model == task]
    assert any(first == name for request in requests for name, *_ in request.inputs)
