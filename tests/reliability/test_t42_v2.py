"""T42: no path, method, header or call leads past the model server's keys, over REST and gRPC."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2
from mlserver.grpc import dataplane_pb2, model_repository_pb2
from mlserver.rest.app import create_app
from mlserver.settings import Settings
from tests.conftest import Runtime
from tests.live.protocol import message, request, tensor
from tests.reliability.http1 import post
from tests.reliability.key_files import ADMIN, METRICS, Key
from tests.reliability.keyed import NARROW, PLAIN, RATED, UPSTREAM, WRONG
from tests.reliability.sockets import SECONDS, connected, heard, said, status
from tests.reliability.wire import BAD_HOSTS, Heard, Wire, odd_targets

STRANGERS: Final = (None, WRONG)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
LIVE: Final = "/v2/health/live"
PROBES: Final = {LIVE, "/v2/health/ready"}
OF_A_MODEL: Final = ("", "/ready", "/infer", "/generate", "/infer_stream", "/generate_stream")
WORK: Final = {
    "/v2",
    "/v2/repository/index",
    *(f"/v2/models/{{model_name}}{verb}" for verb in OF_A_MODEL),
    *(f"/v2/models/{{model_name}}/versions/{{model_version}}{verb}" for verb in OF_A_MODEL),
}
"""What a key of the scope infer is for. Every other route, known or not, is the administrator's."""
ROUTES: Final = sorted(
    {
        cast(Any, route).path
        for route in create_app(Settings(), cast(Any, None), cast(Any, None)).routes
    }
)


def path_of(route: str) -> str:
    """A path of that route, of a model that is there, or of none where it would change one."""
    name = "nobody" if "/repository/" in route else "left"
    return route.replace("{model_name}", name).replace("{model_version}", "1")


@pytest.fixture(scope="module")
def wire(keyed: Runtime) -> Wire:
    return Wire(keyed.ports.http)


# -------------------------------------------------------------------------------- every route


def test_t42_the_routes_are_those_that_were_thought_of() -> None:
    assert set(ROUTES) > WORK | PROBES
    assert len(ROUTES) == len(WORK | PROBES) + 9, "documentation, and changes of models"


@pytest.mark.parametrize("route", [*ROUTES, "/", "/metrics", "/v3", "/v2/health", "/v2/models"])
def test_t42_every_method_of_every_route(wire: Wire, route: str) -> None:
    for method in METHODS:
        for key in (*STRANGERS, PLAIN, UPSTREAM, METRICS, ADMIN):
            answer = wire.ask(method, path_of(route), key)
            check(answer, route, method, key)


def check(answer: Heard, route: str, method: str, key: Key | None) -> None:
    about = (method, route, key and key.name, answer)
    if route in PROBES and method in ("GET", "HEAD"):
        assert answer.status == 200, about
    elif key in STRANGERS:
        assert answer.status == 401, about
        assert answer.headers["www-authenticate"] == "Bearer"
    elif key is not ADMIN and (route not in WORK or key is METRICS):
        assert answer.status == 403, about
    else:
        assert answer.status not in (401, 403), about
        assert answer.status < 500, about
    if answer.status in (401, 403) and method != "HEAD":
        assert list(json.loads(answer.body)) == ["error"]
    assert "server" not in answer.headers


@pytest.mark.parametrize("route", ROUTES)
def test_t42_no_other_way_to_write_a_path_leads_in(wire: Wire, route: str) -> None:
    for target in odd_targets(path_of(route), LIVE):
        for key, right in ((None, {400, 401}), (PLAIN, {400, 403, 404}), (ADMIN, {400, 404, 405})):
            answer = wire.ask("GET", target, key)
            assert answer.status in right, (target, key, answer)


@pytest.mark.parametrize("route", ROUTES)
def test_t42_an_absolute_target_is_its_path(wire: Wire, route: str) -> None:
    path = path_of(route)
    for target in (f"http://localhost{path}", f"http://x{LIVE}?{path}", f"{path}?{LIVE}#{LIVE}"):
        right = {200} if LIVE in target.partition("?")[0] else {200} if route in PROBES else {401}
        assert wire.ask("GET", target).status in right | {400}, target


@pytest.mark.parametrize("target", ["*", "http://a", "v2/health/live", "a:443", "?", LIVE + "x"])
def test_t42_a_target_that_is_no_path_leads_nowhere(wire: Wire, target: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "CONNECT"):
        assert wire.ask(method, target).status in (400, 401), method


@pytest.mark.parametrize("hosts", BAD_HOSTS, ids=repr)
def test_t42_a_host_is_a_host(keyed: Runtime, hosts: tuple[str, ...]) -> None:
    for port in (keyed.ports.http, keyed.ports.metrics):
        for path in (LIVE, "/v2", "/metrics", "/v2/models/left/infer"):
            for key in (None, PLAIN, ADMIN):
                assert Wire(port).ask("GET", path, key, hosts).status == 400, path


# -------------------------------------------------------------------------------- every call

SERVICES: Final = [
    service
    for module in (dataplane_pb2, model_repository_pb2, health_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]
CALLS: Final = [f"/{s.full_name}/{method.name}" for s in SERVICES for method in s.methods]
PROBE_CALLS: Final = {
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
}
WORK_CALLS: Final = {
    *(
        f"/inference.GRPCInferenceService/{name}"
        for name in ("ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer")
    ),
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/inference.GRPCInferenceService/RepositoryIndex",
    "/inference.model_repository.ModelRepositoryService/RepositoryIndex",
}
UNKNOWN_CALLS: Final = [
    "/inference.GRPCInferenceService/Nothing",
    "/inference.GRPCInferenceService/serverlive",
    "/inference.GRPCInferenceService/ServerLive/",
    "/inference.GRPCInferenceService/ServerLive/x",
    "/inference.GRPCInferenceService//ServerLive",
    "//inference.GRPCInferenceService/ServerLive",
    "/x/../inference.GRPCInferenceService/ServerLive",
    "/Inference.GRPCInferenceService/ModelInfer",
    "/inference.Other/RepositoryIndex",
    "/grpc.health.v1.Health/List",
    "/grpc.health.v1.Healthy/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.channelz.v1.Channelz/GetServers",
    "/x/y",
]
CODE = grpc.StatusCode


@pytest.fixture(scope="module")
def channel(keyed: Runtime) -> Iterator[Any]:
    with grpc.insecure_channel(keyed.grpc_address) as opened:
        yield opened


def code(channel: Any, method: str, *metadata: tuple[str, Any], stream: bool = False) -> Any:
    """How a call with an empty message ends; one that only begins an answer is OK too."""
    raised = error(channel, method, *metadata, stream=stream)
    return raised.code() if raised else CODE.OK


def error(channel: Any, method: str, *metadata: tuple[str, Any], stream: bool = False) -> Any:
    try:
        if stream:
            answers = channel.stream_stream(method, None, None)(
                iter([b""]), metadata=metadata, timeout=30
            )
            next(answers, None)
            answers.cancel()
        else:
            channel.unary_unary(method, None, None)(b"", metadata=metadata, timeout=30)
    except grpc.RpcError as raised:
        return raised
    return None


def shown(key: Key | None) -> list[tuple[str, str]]:
    return list(key.header.items()) if key else []


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("method", [*CALLS, *UNKNOWN_CALLS])
def test_t42_every_call(channel: Any, method: str, stream: bool) -> None:
    stream = stream or method.endswith("/Watch")
    for key in (*STRANGERS, PLAIN, UPSTREAM, METRICS, ADMIN):
        got = code(channel, method, *shown(key), stream=stream)
        about = (method, key and key.name)
        if method in PROBE_CALLS:
            assert got is CODE.OK, about
        elif key in STRANGERS:
            assert got is CODE.UNAUTHENTICATED, about
        elif method in UNKNOWN_CALLS and key is ADMIN:
            assert got in (CODE.UNIMPLEMENTED, CODE.INVALID_ARGUMENT), about
        elif key is not ADMIN and (method not in WORK_CALLS or key is METRICS):
            assert got in (CODE.PERMISSION_DENIED, CODE.INVALID_ARGUMENT), about
        else:
            assert got in (CODE.OK, CODE.NOT_FOUND, CODE.INVALID_ARGUMENT), about


def test_t42_a_call_is_refused_before_it_says_anything(channel: Any) -> None:
    """Whoever has no key gets its answer without the first message of its stream."""
    ended = threading.Event()
    try:
        assert silent_stream(channel, ended).code() is CODE.UNAUTHENTICATED
    finally:
        ended.set()


def silent_stream(channel: Any, ended: threading.Event, *metadata: tuple[str, str]) -> Any:
    """A call whose caller says nothing until then."""

    def nothing() -> Iterator[bytes]:
        ended.wait(60)
        yield from ()

    method = "/inference.GRPCInferenceService/ModelStreamInfer"
    return channel.stream_stream(method, None, None)(nothing(), metadata=metadata, timeout=60)


def test_t42_grpc_says_what_rest_says(channel: Any, wire: Wire) -> None:
    method = "/inference.GRPCInferenceService/ModelInfer"
    for key in (None, METRICS):
        told = error(channel, method, *shown(key))
        said = wire.ask("POST", "/v2/models/left/infer", key)
        assert told.details() == json.loads(said.body)["error"]
    trailing = dict(error(channel, method).trailing_metadata())
    assert trailing["www-authenticate"] == "Bearer"


# ---------------------------------------------------------------------- ways to show a key

SAID: Final = PLAIN.header["authorization"]
ODD_KEYS: Final[list[list[tuple[str, str]]]] = [
    [("authorization", SAID), ("authorization", SAID)],
    [("authorization", SAID), ("authorization", WRONG.header["authorization"])],
    [("authorization", f"{SAID}, {SAID}")],
    [("authorization", f"Basic {PLAIN.secret}")],
    [("authorization", PLAIN.secret)],
    [("authorization", SAID.upper())],
    [("authorization", f"Bearer {METRICS.line.split(':')[1].split()[0]}")],
    [("authorization", "")],
    [("x-api-key", PLAIN.secret)],
    [("proxy-authorization", SAID)],
    [("x-forwarded-for", "127.0.0.1"), ("x-original-url", LIVE)],
]


@pytest.mark.parametrize("sent", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_t42_a_key_is_shown_once_and_as_documented(
    keyed: Runtime, channel: Any, sent: list[tuple[str, str]]
) -> None:
    assert code(channel, "/inference.GRPCInferenceService/ServerMetadata", *sent) is (
        CODE.UNAUTHENTICATED
    )
    for target in ("/v2", f"/v2?key={PLAIN.secret}&authorization=Bearer+{PLAIN.secret}"):
        assert Wire(keyed.ports.http).ask("GET", target, headers=sent).status == 401


def test_t42_bytes_in_metadata_are_no_key(channel: Any) -> None:
    sent = ("authorization-bin", SAID.encode())
    method = "/inference.GRPCInferenceService/ServerMetadata"
    assert code(channel, method, sent) is CODE.UNAUTHENTICATED


# -------------------------------------------------------------------------------- limits


def infer(keyed: Runtime, key: Key, text: str = "hello") -> Heard:
    body = json.dumps(request(tensor([text]))).encode()
    return Wire(keyed.ports.http).ask("POST", "/v2/models/left/infer", key, body=body)


def call(channel: Any, key: Key, text: str = "hello") -> Any:
    method = "/inference.GRPCInferenceService/ModelInfer"
    asked = message(request(tensor([text])), "left").SerializeToString()
    return channel.unary_unary(method, None, None).future(asked, metadata=shown(key), timeout=60)


def test_t42_a_rate_is_one_over_both_transports(keyed: Runtime, channel: Any) -> None:
    first = infer(keyed, RATED)
    assert first.status == 200
    assert first.headers["ratelimit"].startswith('"caller";r=2;')
    for _ in range(10):  # whoever only looks spends nothing
        assert Wire(keyed.ports.http).ask("GET", "/v2/models/left", RATED).status == 200
        assert code(channel, "/inference.GRPCInferenceService/ServerMetadata", *shown(RATED)) is (
            CODE.OK
        )
    assert call(channel, RATED).exception() is None
    assert infer(keyed, RATED).status == 200

    refused = infer(keyed, RATED)
    assert refused.status == 429
    assert list(json.loads(refused.body)) == ["error"]
    assert 0 < int(refused.headers["retry-after"]) <= 1200
    assert refused.headers["ratelimit"].startswith('"caller";r=0;')
    told = call(channel, RATED).exception()
    assert told.code() is CODE.RESOURCE_EXHAUSTED
    assert told.details() == json.loads(refused.body)["error"]
    assert 0 < int(dict(told.trailing_metadata())["retry-after"]) <= 1200
    assert infer(keyed, UPSTREAM).status == 200, "another caller is none the wiser"


def test_t42_requests_at_a_time_are_counted_over_both_transports(
    keyed: Runtime, channel: Any
) -> None:
    body = json.dumps(request(tensor(["hello"]))).encode()
    head = post(b"/v2/models/left/infer", body).adding(
        *((name.encode(), value.encode()) for name, value in NARROW.header.items()),
        (b"Expect", b"100-continue"),
        (b"Connection", b"close"),
    )
    with connected(keyed.ports.http) as opened:
        said(opened, head.framed.head)
        assert opened.recv(100).startswith(b"HTTP/1.1 100"), "it is let in, and may send its body"
        refused = infer(keyed, NARROW)
        assert refused.status == 429
        assert "retry-after" in refused.headers
        assert call(channel, NARROW).exception().code() is CODE.RESOURCE_EXHAUSTED
        said(opened, body)
        assert status(heard(opened)) == 200
    assert infer(keyed, NARROW).status == 200, "its place is free again"


def test_t42_a_stream_takes_its_callers_place_until_it_ends(keyed: Runtime, channel: Any) -> None:
    ended = threading.Event()
    try:
        stream = silent_stream(channel, ended, *shown(NARROW))
        until(lambda: infer(keyed, NARROW).status == 429)
        assert call(channel, NARROW).exception().code() is CODE.RESOURCE_EXHAUSTED
        stream.cancel()
        until(lambda: call(channel, NARROW).exception() is None)
    finally:
        ended.set()


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)
