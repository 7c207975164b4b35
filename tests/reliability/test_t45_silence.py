"""T45: whatever a caller sends is in no log, metric, trace or error, however loud the log is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime
from tests.live.protocol import message, request, tensor
from tests.reliability import keyed, odd_requests
from tests.reliability.canaries import CANARY, GATEWAY, HEADERS, REST, RPC, Wrong, text
from tests.reliability.conftest import FAULTY
from tests.reliability.gateways import gateway_before
from tests.reliability.key_files import ADMIN, Key
from tests.reliability.keyed import PLAIN, UPSTREAM
from tests.reliability.sockets import connected, said
from tests.traces import Collector, collecting

OWN: Final = Key("an-administrator")
SECRETS: Final = (CANARY, *(key.secret for key in (OWN, PLAIN, ADMIN, UPSTREAM)))
ODD_IDS: Final = (f"{CANARY} x", f"{CANARY}\tx", f"{{{CANARY}}}", CANARY + "x" * 128, f"{CANARY}é")
MANY: Final = 5_000
"""Odd requests to each of the two."""
FEW: Final = 120
"""For every series to be there that such requests may have."""
TEXT_LINE: Final = re.compile(r"\S+Z (DEBUG|INFO|WARNING|ERROR) \S+ \S.*")
LOUD: Final = {
    "CHORUS_LOG_LEVEL": "debug",
    "CHORUS_ACCESS_LOG": "1",
    "CHORUS_API_KEYS": PLAIN.secret,
    "CHORUS_ADMIN_KEYS": OWN.secret,
    "CHORUS_UPSTREAM_KEY": UPSTREAM.secret,
    "CHORUS_ALLOWED_SERVERS": "http://*.localhost:9",
    "CHORUS_MEDIA_HOSTS": "*.localhost",
    "CHORUS_DRAIN_DELAY": "0.1",
}
JSON: Final = {"content-type": "application/json"}
CANARIES: Final = {**HEADERS, **JSON, "x-request-id": ODD_IDS[0]}


@dataclass
class Evidence:
    """All that two servers have written or answered."""

    gateway_log: str = ""
    model_server_log: str = ""
    answers: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    series: list[list[set[str]]] = field(default_factory=list)
    traces: list[bytes] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [*self.gateway_log.splitlines(), *self.model_server_log.splitlines()]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


@pytest.fixture(scope="module")
def evidence(launch: Launch, collector: Collector) -> Evidence:
    loud = LOUD | collector.environment
    model_server = keyed.start(launch, FAULTY, loud | {"CHORUS_LOG_FORMAT": "json"})
    gateway = gateway_before(launch, model_server, "process", **loud)
    seen = Evidence()
    for server, wrong in ((gateway, GATEWAY), (model_server, REST)):
        _ask(server, wrong.values(), seen)
        _shout(server.ports.http)
    _shout(model_server.ports.grpc, model_server.ports.metrics)
    _ask_well(gateway, model_server, seen)
    _call(model_server, seen)
    pages = [_page(gateway.ports.http), _page(model_server.ports.metrics)]
    for times, methods in ((FEW, odd_requests.FEW_METHODS), (MANY, odd_requests.ALL_METHODS)):
        for server, odd in (
            (gateway, odd_requests.to_gateway),
            (model_server, odd_requests.to_model_server),
        ):
            asked = [odd(number, OWN, methods) for number in range(times)]
            assert odd_requests.pour(server.ports.http, asked) == times
        _call_nobody(model_server, times // 50)
        pages += [_page(gateway.ports.http), _page(model_server.ports.metrics)]
        seen.series.append([odd_requests.series(page) for page in pages[-2:]])
    seen.metrics = pages
    assert [gateway.terminate(), model_server.terminate()] == [0, 0]
    seen.gateway_log, seen.model_server_log = gateway.log, model_server.log
    seen.traces = collector.raw
    return seen


def _ask(server: Runtime, wrong: Any, seen: Evidence) -> None:
    """Everything that is refused, with a key and without."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for one in wrong:
            for authorization in (OWN.header, {"authorization": f"Bearer {CANARY}"}):
                seen.answers.append(
                    _told(client, one, {**CANARIES, **one.headers, **authorization})
                )


def _told(client: httpx.Client, one: Wrong, headers: dict[str, str]) -> str:
    answer = client.request(one.method, one.path, content=one.content, headers=headers)
    return f"{answer.status_code} {answer.headers} {answer.text}"


def _shout(*ports: int) -> None:
    """What is no request, or only just one."""
    for raw in (
        f"{CANARY} / HTTP/9.9\r\n\r\n",
        f"GET /{CANARY} HTTP/1.1\r\nhost: {CANARY}, {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: a\r\n {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: a\r\nx-request-id: {CANARY}\n2\r\n\r\n",
        f"POST /{CANARY} HTTP/1.1\r\nhost: a\r\ncontent-length: {CANARY}\r\n\r\n{CANARY}",
    ):
        for port in ports:
            with connected(port) as opened:
                said(opened, raw.encode())


def _ask_well(gateway: Runtime, model_server: Runtime, seen: Evidence) -> None:
    """What is answered, or fails for a reason that is not the caller's."""
    with httpx.Client(timeout=60) as client:
        for server, path, body in _well(gateway, model_server):
            for given in ODD_IDS:
                headers = CANARIES | PLAIN.header | {"x-request-id": given}
                sent = [(name.encode(), value.encode()) for name, value in headers.items()]
                answer = client.post(f"{server.url}{path}", json=body, headers=sent)
                # The id of a V2 request comes back in its answer, as the protocol has it.
                told = "" if "id" in body else answer.text
                seen.answers.append(f"{answer.status_code} {answer.headers} {told}")


def _well(gateway: Runtime, model_server: Runtime) -> Iterator[tuple[Runtime, str, Any]]:
    full = request(tensor([CANARY]), **{CANARY: CANARY}) | {"id": CANARY}
    defect = request(tensor([f"{CANARY} defect"]))
    foreign = f"http://{CANARY}.localhost:9/v2/models/{CANARY}/infer"
    asked = {"hf_pipeline": "text-classification", "inputs": CANARY}
    pictured = {"hf_pipeline": "image-classification", "inputs": f"http://{CANARY}.localhost/a.png"}
    yield from (
        (gateway, f"/process?{CANARY}={CANARY}", CANARY),
        (gateway, "/models/left", {"inputs": [CANARY, CANARY]}),
        (gateway, "/models/left", {"inputs": f"{CANARY} defect"}),
        (gateway, "/predict", asked | {"model_deployed_url": "left"}),
        *((gateway, "/predict", asked | {"model_deployed_url": foreign}) for _ in range(7)),
        (gateway, "/predict", pictured | {"model_deployed_url": foreign}),
        (gateway, f"/models/{CANARY}", {"inputs": CANARY}),
        (model_server, f"/v2/models/left/infer?{CANARY}", full),
        (model_server, "/v2/models/left/infer", defect),
        (model_server, "/v2/models/left/generate", defect),
    )


def _call(model_server: Runtime, seen: Evidence) -> None:
    """All that over gRPC."""
    metadata = [(name, value) for name, value in CANARIES.items() if name != "user-agent"]
    defect = {"a defect": ("ModelInfer", message(request(tensor([f"{CANARY} defect"])), "left"))}
    fine = {"fine": ("ModelInfer", message(request(text(), **{CANARY: CANARY}), "left"))}
    with grpc.insecure_channel(model_server.grpc_address) as channel:
        stub: Any = GRPCInferenceServiceStub(channel)
        for method, asked in chain(RPC.values(), defect.values(), fine.values()):
            for key in (Key(CANARY), OWN):
                given = {**dict(metadata), **key.header}
                _, call = _outcome(getattr(stub, method), asked, tuple(given.items()))
                seen.answers.append(f"{call.code()} {call.details()} {call.trailing_metadata()}")
    _call_nobody(model_server, 3)


def _call_nobody(model_server: Runtime, times: int) -> None:
    with grpc.insecure_channel(model_server.grpc_address) as channel:
        for number in range(times):
            for key in (OWN, Key(f"{CANARY}-{number}")):
                method = channel.unary_unary(f"/{CANARY}.{number}/{CANARY}", None, None)
                answer, _ = _outcome(method, b"", tuple(key.header.items()))
                assert answer is None


def _outcome(method: Any, asked: Any, metadata: tuple[tuple[str, str], ...]) -> tuple[Any, Any]:
    try:
        return method.with_call(asked, timeout=60, metadata=metadata)  # type: ignore[no-any-return]
    except grpc.RpcError as error:
        return None, error


def _page(port: int) -> str:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers=OWN.header)
    assert answer.status_code == 200
    return answer.text


def _holding(secret: str, lines: list[str]) -> list[str]:
    return [line for line in lines if secret in line.lower()][:3]


@pytest.mark.parametrize("secret", SECRETS)
def test_t45_no_log_holds_what_was_sent(evidence: Evidence, secret: str) -> None:
    assert _holding(secret, evidence.lines) == []


def test_t45_no_answer_holds_a_secret_or_an_odd_id(evidence: Evidence) -> None:
    refused = [answer for answer in evidence.answers if not answer.startswith("200")]
    assert _holding(CANARY, refused) == []
    for key in (OWN, PLAIN, UPSTREAM):
        assert _holding(key.secret, evidence.answers) == []
    # Of what is no HTTP, there is no request either.
    requests = [answer for answer in evidence.answers if "'connection': 'close'" not in answer]
    assert all("x-request-id" in answer for answer in requests)


def test_t45_no_metric_and_no_trace_holds_what_was_sent(evidence: Evidence) -> None:
    assert evidence.traces
    for secret in SECRETS:
        assert _holding(secret, "\n".join(evidence.metrics).splitlines()) == []
        assert not any(secret.encode() in raw.lower() for raw in evidence.traces)


def test_t45_every_event_is_one_line(evidence: Evidence) -> None:
    start = evidence.model_server_log.index("{")
    for line in evidence.model_server_log[start:].splitlines():
        assert {"time", "level", "logger", "message"} <= set(json.loads(line))
    for line in filter(None, evidence.gateway_log.splitlines()):
        assert TEXT_LINE.fullmatch(line), line


def test_t45_the_log_says_what_it_should(evidence: Evidence) -> None:
    """Or it would be silent for want of words."""
    log = evidence.model_server_log
    assert "a request failed in an unexpected way" in log
    assert re.search(r"ValueError at faulty/chorus_faulty\.py:\d+ in answer", log)
    assert '"route": "/inference.GRPCInferenceService/ModelInfer"' in log
    assert '"route": "other"' in log
    assert '"model": "left", "items": 1' in log
    assert "route=/models/{name} " in evidence.gateway_log
    assert " key=key-1 " in evidence.gateway_log
    assert '"key": "gateway"' in log


def test_t45_odd_requests_leave_no_series(evidence: Evidence) -> None:
    (gateway, model_server), (gateway_later, model_server_later) = evidence.series
    assert gateway_later - gateway == set()
    assert model_server_later - model_server == set()
