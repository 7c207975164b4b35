"""T44: a model's name is looked up and nothing else: no file, no label, no other route."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final
from urllib.parse import quote

import grpc
import httpx
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc import model_repository_pb2 as repository_pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.grpc.model_repository_pb2_grpc import ModelRepositoryServiceStub
from mlserver.rest.app import create_app as create_v2_app
from mlserver.settings import Settings as V2Settings
from starlette.routing import Route
from tests.conftest import Launch, Runtime
from tests.live.protocol import message, request, tensor
from tests.reliability.audit import Audit
from tests.reliability.conftest import FAULTY
from tests.reliability.gateways import gateway_before
from tests.reliability.key_files import ADMIN, METRICS, Key
from tests.reliability.keyed import UPSTREAM
from tests.reliability.wire import Heard, Wire

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings

NAMES: Final = (
    "nobody",
    "..",
    "n" * 10_000,
    "é" * 3_000,
    ".",
    "../left",
    "left/..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    str(FAULTY / "left"),
    "left/model-settings.json",
    "file:///etc/passwd",
    "http://localhost/left",
    "\\\\host\\share",
    "C:\\left",
    "~root",
    "$HOME",
    "left\x00",
    "left\x00.json",
    "left\n",
    "\r\nx-chorus: x",
    " ",
    "left ",
    "LEFT",
    "ｌｅｆｔ",
    "lef\u0074\u0301",
    "\u202eleft",
    "😜",
    "%2e%2e",
    "%00",
    "*",
    "le[f]t",
    "{model_name}",
    "left;x=1",
    "left?x=1",
    "left#x",
    "__class__",
    "<script>alert(1)</script>",
)
ESCAPED: Final = [quote(name, safe="") for name in NAMES]
# Written as no client would.
RAW: Final = ["../..", "%ff", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "%c0%ae%c0%ae", "%ff", "%"]
COMMON: Final = [*ESCAPED[:4], *RAW[:3]]
"""Of every length and kind of refusal: what these leave behind is there for all."""

BODIES: Final = {
    "infer": request(tensor(["hello"])),
    "completions": {"model": "any", "prompt": "hello"},
    "chat/completions": {"model": "any", "messages": [{"role": "user", "content": "hello"}]},
}
CODE: Final = grpc.StatusCode


def routes(app: Any) -> list[tuple[str, str]]:
    """Each method and template with a name in it."""
    return sorted(
        {
            (method, route.path)
            for route in app.routes
            if isinstance(route, Route) and "{" in route.path
            for method in route.methods or ()
        }
    )


V2: Final = routes(create_v2_app(V2Settings(), *([None] * 2)))  # type: ignore[arg-type]
GATEWAY: Final = routes(create_app(Settings()))


def targets(template: str, names: Sequence[str]) -> Iterator[str]:
    """Every name in every place for one, beside what is known in the others."""
    known = {"{name}": "left", "{model_name}": "left", "{model_version}": "1"}
    places = [part for part in template.split("/") if part in known]
    for place, name in product(places, names):
        parts = [known.get(part, part) if part != place else name for part in template.split("/")]
        yield "/".join(parts)


def ask(wire: Wire, method: str, target: str, key: Key | None) -> Heard:
    verb = next((verb for verb in reversed(BODIES) if target.endswith(verb)), "")
    body = json.dumps(BODIES.get(verb, {"inputs": "hello"})).encode() if method == "POST" else b""
    headers = [("content-type", "application/json")]
    return wire.ask(method, target, key, headers=headers, body=body)


def assert_unknown(answer: Heard, method: str, target: str) -> None:
    about = (method, target[:200], answer)
    assert answer.status in (400, 404, 431), about
    if method != "HEAD":
        assert list(json.loads(answer.body)) == ["error"], about
        assert b"script" not in answer.body, about
    assert "x-chorus" not in answer.headers


def series(port: int, key: Key | None = None) -> set[str]:
    """What the metrics tell apart."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", headers=key.header if key else {}).text
    return {line.rpartition(" ")[0] for line in page.splitlines() if line and line[0] != "#"}


# -------------------------------------------------------------------------- model server


def test_t44_no_name_over_rest_opens_a_file_or_makes_a_label(keyed: Runtime, audit: Audit) -> None:
    wire = Wire(keyed.ports.http)

    def ask_all(names: Sequence[str]) -> None:
        for method, template in V2:
            for target in targets(template, names):
                assert_unknown(ask(wire, method, target, ADMIN), method, target)

    series(keyed.ports.metrics, METRICS)  # which has files and labels of its own
    ask_all(COMMON)
    files, labels = set(audit.opened()), series(keyed.ports.metrics, METRICS)
    ask_all([*ESCAPED, *RAW])
    assert set(audit.opened()) == files
    assert series(keyed.ports.metrics, METRICS) == labels
    assert ask(wire, "POST", "/v2/models/left/infer", ADMIN).status == 200


def test_t44_no_name_over_grpc_opens_a_file_or_makes_a_label(keyed: Runtime, audit: Audit) -> None:
    with grpc.insecure_channel(keyed.grpc_address) as channel:

        def ask_all(names: Sequence[str]) -> None:
            for name in names:
                for method, asked in calls(channel, name):
                    code, words = ended(method, asked)
                    assert code in (CODE.NOT_FOUND, CODE.INVALID_ARGUMENT), (name[:99], asked)
                    assert len(name) < 3 or name not in words

        series(keyed.ports.metrics, METRICS)
        ask_all(NAMES[:4])
        files, labels = set(audit.opened()), series(keyed.ports.metrics, METRICS)
        ask_all(NAMES)
        assert set(audit.opened()) == files
        assert series(keyed.ports.metrics, METRICS) == labels


def calls(channel: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Every call with a name in it, and every one with a version."""
    stub: Any = GRPCInferenceServiceStub(channel)
    older: Any = ModelRepositoryServiceStub(channel)
    health: Any = HealthStub(channel)
    text = request(tensor(["hello"]))
    yield stub.ModelReady, pb.ModelReadyRequest(name=name)
    yield stub.ModelReady, pb.ModelReadyRequest(name="left", version=name)
    yield stub.ModelMetadata, pb.ModelMetadataRequest(name=name)
    yield stub.ModelMetadata, pb.ModelMetadataRequest(name="left", version=name)
    yield stub.ModelInfer, message(text, name)
    yield stub.ModelInfer, message(text, "left", name)
    for model, version in ((name, ""), ("left", name)):
        stream = message(text, model, version)
        yield lambda asked, **more: list(stub.ModelStreamInfer(iter([asked]), **more)), stream
    yield stub.RepositoryModelLoad, pb.RepositoryModelLoadRequest(model_name=name)
    yield stub.RepositoryModelUnload, pb.RepositoryModelUnloadRequest(model_name=name)
    load, unload = (
        repository_pb.RepositoryModelLoadRequest,
        repository_pb.RepositoryModelUnloadRequest,
    )
    yield older.RepositoryModelLoad, load(model_name=name)
    yield older.RepositoryModelUnload, unload(model_name=name)
    yield health.Check, HealthCheckRequest(service=name)


def ended(call: Any, asked: Any) -> tuple[Any, str]:
    try:
        call(asked, metadata=tuple(ADMIN.header.items()), timeout=60)
    except grpc.RpcError as error:
        return error.code(), error.details() or ""
    return CODE.OK, ""


# ------------------------------------------------------------------------------- gateway


def test_t44_no_name_at_the_gateway_opens_a_file_or_makes_a_label(
    launch: Launch, keyed: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> None:
    audit = Audit(tmp_path_factory.mktemp("audit"))
    variables = {"CHORUS_UPSTREAM_KEY": UPSTREAM.secret} | audit.environment()
    gateway = gateway_before(launch, keyed, "left", "process", **variables)
    wire = Wire(gateway.ports.http)

    def ask_all(names: Sequence[str]) -> None:
        for method, template in GATEWAY:
            for target in targets(template, names):
                assert_unknown(ask(wire, method, target, None), method, target)

    try:
        series(gateway.ports.http)
        ask_all(COMMON)
        files, labels = set(audit.opened()), series(gateway.ports.http)
        behind = series(keyed.ports.metrics, METRICS)
        ask_all([*ESCAPED, *RAW])
        assert set(audit.opened()) == files
        assert series(gateway.ports.http) == labels
        assert series(keyed.ports.metrics, METRICS) == behind
        assert ask(wire, "POST", "/models/left", None).status == 200
    finally:
        gateway.end()
