"""T43: changes of models, documentation and metrics, with keys, without, and on the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import grpc
import httpx
import psutil
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc import model_repository_pb2 as repository_pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.grpc.model_repository_pb2_grpc import ModelRepositoryServiceStub
from tests.conftest import Launch, Runtime
from tests.live.protocol import message, request, tensor
from tests.reliability import keyed as servers
from tests.reliability.conftest import FAULTY
from tests.reliability.key_files import ADMIN, METRICS, Key
from tests.reliability.keyed import PLAIN

CODE: Final = grpc.StatusCode
PAGES: Final = (
    "/openapi.json",
    "/v2/docs",
    "/v2/docs/dataplane.json",
    "/v2/models/left/docs",
    "/v2/models/left/docs/dataplane.json",
)
PAGES_BESIDE_THE_METRICS: Final = ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect")
EVERYWHERE: Final = ("--host", "0.0.0.0")


@pytest.fixture(scope="module")
def exposed(launch: Launch) -> Iterator[Runtime]:
    """A server that listens to the network and takes no keys, and no more is said of it."""
    server = servers.start(launch, FAULTY, {}, *EVERYWHERE)
    yield server
    server.end()


def change(
    server: Runtime, verb: str, name: str = "right", key: Key | None = None
) -> httpx.Response:
    url = f"{server.url}/v2/repository/models/{name}/{verb}"
    return httpx.post(url, headers=key.header if key else {}, timeout=60)


def grpc_changes(server: Runtime, name: str = "right", key: Key | None = None) -> list[Any]:
    """What comes of a load and an unload under each of their names: a code and its words."""
    metadata = tuple(key.header.items()) if key else ()
    with grpc.insecure_channel(server.grpc_address) as channel:
        return [
            ended(getattr(stub, f"RepositoryModel{verb}"), message, metadata)
            for stub, kinds in (
                (GRPCInferenceServiceStub(channel), pb),
                (ModelRepositoryServiceStub(channel), repository_pb),
            )
            for verb in ("Load", "Unload")
            for message in [getattr(kinds, f"RepositoryModel{verb}Request")(model_name=name)]
        ]


def ended(call: Any, asked: Any, metadata: Any) -> tuple[Any, str | None]:
    try:
        call(asked, metadata=metadata, timeout=60)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return CODE.OK, ""


# ------------------------------------------------------------------------------ with keys


def test_t43_models_are_changed_by_the_administrator_alone(keyed: Runtime) -> None:
    for verb in ("load", "unload"):
        assert change(keyed, verb).status_code == 401
        assert change(keyed, verb, key=PLAIN).status_code == 403
        assert change(keyed, verb, key=METRICS).status_code == 403
    assert {code for code, _ in grpc_changes(keyed)} == {CODE.UNAUTHENTICATED}
    assert {code for code, _ in grpc_changes(keyed, key=PLAIN)} == {CODE.PERMISSION_DENIED}
    index = httpx.post(f"{keyed.url}/v2/repository/index", headers=PLAIN.header)
    assert {model["state"] for model in index.json()} == {"READY"}

    assert change(keyed, "unload", key=ADMIN).status_code == 200
    assert change(keyed, "load", key=ADMIN).status_code == 200
    assert change(keyed, "load", "nobody", key=ADMIN).status_code == 404
    assert {code for code, _ in grpc_changes(keyed, "nobody", ADMIN)} == {CODE.NOT_FOUND}


def test_t43_the_documentation_is_the_administrators(keyed: Runtime) -> None:
    for path in PAGES:
        assert httpx.get(f"{keyed.url}{path}").status_code == 401, path
        assert httpx.get(f"{keyed.url}{path}", headers=PLAIN.header).status_code == 403, path
        assert httpx.get(f"{keyed.url}{path}", headers=ADMIN.header).status_code == 200, path


def test_t43_the_metrics_are_for_those_who_gather_them(keyed: Runtime) -> None:
    url = f"http://127.0.0.1:{keyed.ports.metrics}"
    refused = httpx.get(f"{url}/metrics")
    assert (refused.status_code, list(refused.json())) == (401, ["error"])
    assert httpx.get(f"{url}/metrics", headers=PLAIN.header).status_code == 403
    for key in (METRICS, ADMIN):
        assert "chorus_engine" in httpx.get(f"{url}/metrics", headers=key.header).text
    for path in PAGES_BESIDE_THE_METRICS:
        assert httpx.get(f"{url}{path}").status_code == 401, path
        assert httpx.get(f"{url}{path}", headers=METRICS.header).status_code == 403, path
        assert httpx.get(f"{url}{path}", headers=ADMIN.header).status_code == 200, path


# ------------------------------------------------------------- without keys, on the network


def test_t43_on_the_network_models_are_changed_by_nobody(exposed: Runtime) -> None:
    for verb in ("load", "unload"):
        for name in ("right", "nobody"):
            refused = change(exposed, verb, name)
            assert refused.status_code == 403
            assert "CHORUS_ADMIN_KEYS, or CHORUS_REPOSITORY_API=open" in refused.json()["error"]
    codes = grpc_changes(exposed)
    assert codes == [(CODE.PERMISSION_DENIED, refused.json()["error"])] * 4
    index = httpx.post(f"{exposed.url}/v2/repository/index")
    assert {model["state"] for model in index.json()} == {"READY"}


def test_t43_on_the_network_the_models_answer(exposed: Runtime) -> None:
    asked = request(tensor(["hello"]))
    assert httpx.post(f"{exposed.url}/v2/models/left/infer", json=asked).status_code == 200
    with grpc.insecure_channel(exposed.grpc_address) as channel:
        stub: Any = GRPCInferenceServiceStub(channel)
        assert stub.ModelInfer(message(asked, "left"), timeout=60).outputs


def test_t43_on_the_network_there_is_no_documentation(exposed: Runtime) -> None:
    for path in PAGES:
        assert httpx.get(f"{exposed.url}{path}").status_code == 404, path
    url = f"http://127.0.0.1:{exposed.ports.metrics}"
    for path in PAGES_BESIDE_THE_METRICS:
        assert httpx.get(f"{url}{path}").status_code == 404, path
    assert "chorus_engine" in httpx.get(f"{url}/metrics").text


def test_t43_one_line_says_who_may_ask(exposed: Runtime, keyed: Runtime, faulty: Runtime) -> None:
    words = "may ask the models: this server takes no keys"
    (line,) = [line for line in exposed.log.splitlines() if words in line]
    assert "WARNING" in line
    assert "0.0.0.0" in line
    assert words not in keyed.log + faulty.log


# ------------------------------------------------------------- without keys, on this machine


def test_t43_on_this_machine_all_is_as_it_was(faulty: Runtime) -> None:
    assert change(faulty, "load", "nobody").status_code == 404
    assert {code for code, _ in grpc_changes(faulty, "nobody")} == {CODE.NOT_FOUND}
    for path in PAGES:
        assert httpx.get(f"{faulty.url}{path}").status_code == 200, path
    url = f"http://127.0.0.1:{faulty.ports.metrics}"
    for path in ("/metrics", *PAGES_BESIDE_THE_METRICS):
        assert httpx.get(f"{url}{path}").status_code == 200, path


# ---------------------------------------------------------------------------------- secrets


def test_t43_no_key_is_shown_anywhere(keyed: Runtime) -> None:
    process = psutil.Process(keyed.process.pid)
    shown = " ".join(process.cmdline()) + keyed.log
    for key in (PLAIN, METRICS, ADMIN, servers.UPSTREAM, servers.RATED, servers.NARROW):
        assert key.secret not in shown
        assert key.line.split(":")[1].split()[0] not in shown
