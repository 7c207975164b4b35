"""One trace across a real gateway and a real model server, as a real collector gets it."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import FAULTY, Launch, Runtime, unexpected
from tests.live.protocol import Json, message, request, tensor
from tests.mlserver_chorus.pipelines import checkpoints
from tests.reliability.canaries import CANARY, GATEWAY, HEADERS, REST, RPC, Wrong
from tests.reliability.gateways import gateway_before
from tests.traces import TRACEPARENT, Collected, Collector, collecting

MODELS = ("left", "right", "process", "writer")
INFER = "POST /v2/models/{model_name}/infer"
RPC_INFER = "inference.GRPCInferenceService/ModelInfer"
RPC_STREAM = "inference.GRPCInferenceService/ModelStreamInfer"
CALLER = f"{0xCD:016x}"
SERVER, CLIENT, ERROR = 2, 3, 2  # of OTLP
BETWEEN_PROCESSES = 50_000_000  # ns; each begins with the system's clock on its own


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classifiers that fail as they are told to, and a small real model that writes."""
    root = tmp_path_factory.mktemp("traced") / "models"
    shutil.copytree(FAULTY, root)
    checkpoints.generator(root / "writer" / "weights")
    settings = {
        "name": "writer",
        "implementation": "mlserver_chorus.Pipeline",
        "parameters": {"uri": "./weights", "extra": {"task": "text-generation", "device": -1}},
    }
    (root / "writer" / "model-settings.json").write_text(json.dumps(settings))
    return root


@pytest.fixture(scope="module")
def server(launch: Launch, root: Path, collector: Collector) -> Iterator[Runtime]:
    server = launch(root, environment=collector.environment).wait_until_ready(*MODELS)
    yield server
    assert server.terminate() == 0, server.log


@pytest.fixture(scope="module")
def gateway(launch: Launch, server: Runtime, collector: Collector) -> Runtime:
    at_once = {"CHORUS_DRAIN_DELAY": "0", "CHORUS_MAX_CALLS_IN_FLIGHT": "1"}
    return gateway_before(launch, server, "process", **collector.environment, **at_once)


def headers_of(trace: int) -> dict[str, str]:
    return {"traceparent": TRACEPARENT.format(trace, 0xCD)}


def has(*names: str) -> Any:
    """Whether all of these have come."""
    return lambda spans: {span.name for span in spans} >= set(names)


def one(spans: Sequence[Collected], service: str, name: str) -> Collected:
    (found,) = [span for span in spans if (span.service, span.name) == (service, name)]
    return found


def assert_nested(spans: Sequence[Collected]) -> None:
    """Each within its parent, to the nanosecond in one process."""
    by_id = {span.id: span for span in spans}
    for span in spans:
        assert span.start <= span.end
        if parent := by_id.get(span.parent):
            slack = 0 if parent.service == span.service else BETWEEN_PROCESSES
            assert parent.start - slack <= span.start, (parent, span)
            assert span.end <= parent.end + slack, (parent, span)


def test_a_text_through_both_is_one_trace(gateway: Runtime, collector: Collector) -> None:
    response = httpx.post(f"{gateway.url}/process", json=CANARY, headers=headers_of(1))
    assert response.status_code == 200
    trace = f"{1:032x}"
    spans = collector.until(has("POST /process", INFER, "forward"), trace)
    spans = collector.until(
        lambda all_: (
            {"chorus-gateway", "chorus-runtime"} <= {s.service for s in all_}
            and len([s for s in all_ if s.name == INFER]) == 2
        ),
        trace,
    )
    served, call = (one(spans, "chorus-gateway", name) for name in ("POST /process", INFER))
    answered = one(spans, "chorus-runtime", INFER)
    waited = one(spans, "chorus-gateway", "queue")
    assert (served.parent, served.kind) == (CALLER, SERVER)
    assert (call.parent, call.kind, call.links) == (served.id, CLIENT, ())
    assert (answered.parent, answered.kind) == (call.id, SERVER)
    assert waited.parent == served.id
    below = [span for span in spans if span.parent == answered.id]
    assert sorted(span.name for span in below) == ["forward", "forward", "queue", "tokenize"]
    assert {span.service for span in below} == {"chorus-runtime"}
    assert {s.attributes["chorus.model"] for s in below if s.name == "forward"} == {"left", "right"}
    assert all(s.attributes["chorus.batch_size"] == 1 for s in below if s.name == "forward")
    assert answered.attributes["chorus.model"] == "process"
    assert answered.attributes["chorus.texts"] == 1
    assert_nested(spans)


async def test_a_call_of_several_requests_is_linked_to_them(
    gateway: Runtime, collector: Collector
) -> None:
    async with aiohttp.ClientSession(gateway.url) as session:

        async def ask(number: int) -> None:
            text = "sleep:0.3" if number == 0 else f"text {number}"
            headers = headers_of(0x100 + number)
            async with session.post("/process", json=text, headers=headers) as response:
                assert response.status == 200

        slow = asyncio.create_task(ask(0))  # whoever comes meanwhile is in the next call
        await asyncio.sleep(0.1)
        await asyncio.gather(slow, *map(ask, range(1, 9)))
    traces = {f"{0x100 + number:032x}" for number in range(9)}

    def all_here(spans: list[Collected]) -> bool:
        served = [s for s in spans if s.name == "POST /process" and s.trace in traces]
        return len(served) == len(traces)

    spans = await asyncio.to_thread(collector.until, all_here)
    served = {s.id: s for s in spans if s.name == "POST /process" and s.trace in traces}
    calls = [s for s in spans if s.kind == CLIENT and s.trace in traces]
    several = [call for call in calls if call.links]
    assert several, "nothing was coalesced"
    for call in several:
        assert call.parent in call.links
        assert call.attributes["chorus.texts"] == len(call.links)
        assert all(call.id in served[link].links for link in call.links)
    alone = {call.parent for call in calls if not call.links}
    assert alone | {link for call in several for link in call.links} == served.keys()


def test_a_model_over_grpc(server: Runtime, collector: Collector) -> None:
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        metadata = tuple(headers_of(2).items())
        asked = message(request(tensor([CANARY, "b"])), "left")
        stub.ModelInfer(asked, timeout=30, metadata=metadata)
        wrong = message(request(tensor([f"{CANARY} poison"])), "left")
        with pytest.raises(grpc.RpcError):
            stub.ModelInfer(wrong, timeout=30, metadata=tuple(headers_of(3).items()))
    spans = collector.until(has(RPC_INFER), f"{2:032x}")
    answered = one(spans, "chorus-runtime", RPC_INFER)
    assert (answered.parent, answered.kind, answered.status) == (CALLER, SERVER, 0)
    assert answered.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": RPC_INFER,
        "rpc.response.status_code": "OK",
        "chorus.model": "left",
        "chorus.texts": 2,
    }
    assert [s.name for s in spans if s.parent == answered.id] == ["tokenize", "queue", "forward"]
    assert_nested(spans)
    spans = collector.until(has(RPC_INFER), f"{3:032x}")
    failed = one(spans, "chorus-runtime", RPC_INFER)
    assert failed.attributes["rpc.response.status_code"] == "INTERNAL"
    assert (failed.status, failed.message) == (ERROR, "")
    assert one(spans, "chorus-runtime", "forward").attributes["error.type"] == "text"


def test_a_stream_through_both(gateway: Runtime, collector: Collector) -> None:
    body = {"inputs": CANARY, "parameters": {"max_new_tokens": 20}, "stream": True}
    with httpx.stream(
        "POST", f"{gateway.url}/models/writer", json=body, headers=headers_of(4), timeout=60
    ) as response:
        assert response.status_code == 200
        assert len([line for line in response.iter_lines() if line]) > 1
    stream = "POST /v2/models/{model_name}/generate_stream"
    spans = collector.until(
        lambda spans: (
            has("POST /models/{name}", "forward")(spans)
            and len([s for s in spans if s.name == stream]) == 2
        ),
        f"{4:032x}",
    )
    served = one(spans, "chorus-gateway", "POST /models/{name}")
    call, answered = (one(spans, f"chorus-{it}", stream) for it in ("gateway", "runtime"))
    assert (served.parent, call.parent, answered.parent) == (CALLER, served.id, call.id)
    written = one(spans, "chorus-runtime", "forward")
    assert written.parent == answered.id
    assert written.attributes["chorus.model"] == "writer"
    assert_nested(spans)


def test_a_stream_over_grpc_that_its_caller_leaves(server: Runtime, collector: Collector) -> None:
    long: Json = {"max_new_tokens": 900, "min_new_tokens": 900}
    asked = message(request(tensor([CANARY], name="args"), **long), "writer")
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        metadata = tuple(headers_of(5).items())
        answers = stub.ModelStreamInfer(iter([asked]), timeout=60, metadata=metadata)
        next(answers)
        answers.cancel()
    spans = collector.until(has(RPC_STREAM), f"{5:032x}")
    left = one(spans, "chorus-runtime", RPC_STREAM)
    assert left.attributes["rpc.response.status_code"] == "CANCELLED"
    assert left.status == 0


def test_nothing_that_a_caller_wrote_is_in_a_trace(
    server: Runtime, gateway: Runtime, collector: Collector
) -> None:
    told = {**HEADERS, "content-type": "application/json", "tracestate": f"a={CANARY}"}
    told |= {"baggage": f"{CANARY}={CANARY}"}

    def send(url: str, wrongs: Sequence[Wrong]) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            for one in wrongs:
                headers = {**told, **one.headers, **headers_of(6)}
                client.request(one.method, one.path, content=one.content, headers=headers)

    send(server.url, list(REST.values()))
    send(gateway.url, list(GATEWAY.values()))
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        metadata = tuple((k, v) for k, v in told.items() if k not in ("user-agent", "content-type"))
        for method, asked in RPC.values():
            with pytest.raises(grpc.RpcError):
                getattr(stub, method)(asked, timeout=30, metadata=metadata)
    httpx.post(f"{gateway.url}/process", json="last", headers=headers_of(7))
    collector.until(has("POST /process", "forward"), f"{7:032x}")
    assert len(collector.of(f"{6:032x}")) > len(REST) + len(GATEWAY)
    assert not any(CANARY.encode() in sent.lower() for sent in collector.raw)


def test_probes_are_not_traced(server: Runtime, gateway: Runtime, collector: Collector) -> None:
    httpx.get(f"{gateway.url}/readyz")
    httpx.get(f"{server.url}/v2/health/ready")
    with grpc.insecure_channel(server.grpc_address) as channel:
        from mlserver.grpc.dataplane_pb2 import ServerReadyRequest

        GRPCInferenceServiceStub(channel).ServerReady(ServerReadyRequest(), timeout=30)
    httpx.post(f"{gateway.url}/process", json="last", headers=headers_of(8))
    collector.until(has("POST /process", "forward"), f"{8:032x}")
    assert not [s.name for s in collector.spans if "ready" in s.name.lower()]


@pytest.fixture
def silent() -> Iterator[str]:
    """A collector that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.slow
def test_without_a_collector_all_goes_on(launch: Launch, silent: str) -> None:
    """And both end as they would otherwise, but for a moment; each worker sends its own."""
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": silent,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "CHORUS_DRAIN_DELAY": "0",
    }
    server = launch(FAULTY, environment=environment).wait_until_ready("process")
    gateway = gateway_before(launch, server, "process", CHORUS_WORKERS="2", **environment)
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        for number in range(50):
            assert client.post("/process", json=f"text {number}").status_code == 200
        give_up = time.monotonic() + 30
        while "traces do not reach" not in gateway.log:
            assert time.monotonic() < give_up, gateway.log
            assert client.post("/process", json="more").status_code == 200
    for one in (gateway, server):
        one.process.terminate()
        assert one.exit_code(20) == 0, one.log
        assert one.log.count("traces do not reach the collector") <= 2  # once in a process
        assert "opentelemetry" not in one.log
        assert not unexpected(one.log), one.log


def test_switched_off_nothing_is_sent(
    launch: Launch, server: Runtime, collector: Collector
) -> None:
    before = len(collector.raw)
    off = collector.environment | {"OTEL_SDK_DISABLED": "true", "CHORUS_DRAIN_DELAY": "0"}
    alone = gateway_before(launch, server, "process", **off)
    response = httpx.get(f"{alone.url}/", headers=headers_of(9))
    assert response.status_code == 200
    assert alone.terminate() == 0
    assert collector.of(f"{9:032x}") == []
    assert len(collector.raw) == before


def test_a_wrong_setting_ends_the_start_with_one_line(launch: Launch, root: Path) -> None:
    wrong = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    wrong |= {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    for started in (
        launch(command=["chorus_gateway"], environment=wrong),
        launch(root, environment=wrong),
    ):
        assert started.exit_code() == 1
        assert "only grpc is spoken" in started.stderr
        assert not unexpected(started.log), started.log
