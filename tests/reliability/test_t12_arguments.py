"""T12: no caller chooses how much is computed, or how, beyond what a model offers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime
from tests.live.protocol import Grpc, Json, Rest, Transport, option, request, tensor
from tests.mlserver_chorus.pipelines import checkpoints

from mlserver_chorus import v2

RUNS = "chorus_pipeline_run_rows_count"
HUGE = 10**9
# What no pipeline may get: of the option's own kind, or of none.
ARGUMENTS: list[tuple[str, str, Any]] = [
    *(("sentiment", "top_k", value) for value in (HUGE, 0, -1, 2**62, True)),
    *(("writer", "max_new_tokens", value) for value in (HUGE, 4096, 0, -1)),
    *(("writer", "max_length", value) for value in (HUGE, 2**62, 0)),
    *(("writer", "num_return_sequences", value) for value in (HUGE, 17, 0)),
    *(("writer", "num_beams", value) for value in (HUGE, 17)),
    *(
        (model, name, value)
        for model in ("sentiment", "writer")
        for name, value in (
            ("num_workers", 4),
            ("batch_size", 1024),
            ("device", "cuda:7"),
            ("model", "gpt2"),
            ("tokenizer", "gpt2"),
            ("trust_remote_code", True),
            ("pipeline", "a"),
            ("__class__", "a"),
        )
    ),
]


@pytest.fixture(scope="module")
def pipelines(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    root = tmp_path_factory.mktemp("models")
    models = {
        "sentiment": ("text-classification", checkpoints.classifier),
        "writer": ("text-generation", checkpoints.generator),
    }
    for name, (task, make) in models.items():
        make(root / name / "weights")
        write_settings(root / name, name, task)
    server = launch(root).wait_until_ready(*models)
    yield server
    assert server.terminate() == 0, server.log


def write_settings(folder: Path, name: str, task: str) -> None:
    settings = {
        "name": name,
        "implementation": "mlserver_chorus.Pipeline",
        "parameters": {"uri": "./weights", "extra": {"task": task, "device": -1}},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))


@contextmanager
def transports(server: Runtime) -> Iterator[list[Transport]]:
    with (
        httpx.Client(base_url=server.url, timeout=60) as client,
        grpc.insecure_channel(server.grpc_address) as channel,
    ):
        yield [Rest(client), Grpc(GRPCInferenceServiceStub(channel))]


def ways(name: str, value: Any) -> list[Json]:
    """The same argument as a parameter, as a typed input and as JSON."""
    text = tensor(["hello"])
    typed = "BOOL" if value is True else "BYTES" if isinstance(value, str) else "INT64"
    return [
        request(text, **{name: value}),
        request(text, option(name, value, typed)),
        request(text, tensor([json.dumps(value)], name, content_type="hg_json")),
    ]


def assert_refused(server: Runtime, model: str, name: str, value: Any) -> None:
    with transports(server) as both:
        for transport in both:
            for asked in ways(name, value):
                answer = transport.infer(asked, model)
                assert answer.status == 400, (asked, answer)
                assert "gpt2" not in answer.error


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for model, name, value in ARGUMENTS if model == "sentiment"]
)
def test_t12_a_classifier_refuses_arguments(faulty: Runtime, name: str, value: Any) -> None:
    if name in v2.OPTIONS:
        assert_refused(faulty, "left", name, value)
        return
    # A request's parameters may be anything; those that a classifier does not know mean nothing.
    with transports(faulty) as both:
        for transport in both:
            ignored, *refused = (transport.infer(asked, "left") for asked in ways(name, value))
            assert ignored.status == 200
            assert {answer.status for answer in refused} == {400}


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name", "value"), ARGUMENTS)
def test_t12_a_pipeline_refuses_arguments(
    pipelines: Runtime, model: str, name: str, value: Any
) -> None:
    before = pipelines.metric(RUNS)
    assert_refused(pipelines, model, name, value)
    assert pipelines.metric(RUNS) == before, "nothing has reached a pipeline"


@pytest.mark.slow
def test_t12_a_pipeline_takes_what_is_within_bounds(pipelines: Runtime) -> None:
    before = pipelines.metric(RUNS)
    with transports(pipelines) as both:
        for transport in both:
            assert transport.infer(ways("top_k", 2)[0], "sentiment").status == 200
            assert transport.infer(ways("max_new_tokens", 2)[1], "writer").status == 200
    assert pipelines.metric(RUNS) == before + 4
