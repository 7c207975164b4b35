"""`chorus servers` against an API server over TLS, and model servers that answer."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from tests.apiserver.server import ApiServer
from tests.chorus_discovery.conftest import variables
from tests.chorus_discovery.objects import Item, permission, service
from tests.conftest import free_port
from typer.testing import CliRunner, Result

from chorus import survey
from chorus.cli import app
from chorus_discovery.account import in_cluster

OUTSIDE = "it is an ExternalName, a name outside of the cluster"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(folder=tmp_path_factory.mktemp("apiserver")) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("CHORUS_", "KUBE")):
            monkeypatch.delenv(name)


def servers(*args: str, **variables: str) -> Result:
    return CliRunner().invoke(app, ["servers", *args], env=variables, prog_name="chorus")


def allow(server: ApiServer, namespace: str, account_namespace: str) -> None:
    for item in permission(namespace, account_namespace):
        server.put(item)


def said(result: Result) -> str:
    """The only line that it said."""
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


class ModelServer(BaseHTTPRequestHandler):
    """Ready, with three models, one of which is loading; asks for a key where it is told to."""

    index_status = 200

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/health/ready" else 404, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        states = {"b": "READY", "a": "READY", "c": "LOADING"}
        index = [{"name": name, "state": state, "reason": ""} for name, state in states.items()]
        right = self.path == "/v2/repository/index"
        self._answer(self.index_status if right else 404, index)

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Closed(ModelServer):
    index_status = 401


class Starting(ModelServer):
    def do_GET(self) -> None:
        self._answer(503, {})


@pytest.fixture(scope="module")
def address() -> str:
    """One of this machine's that is neither loopback nor link-local, as a cluster's are."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family.name == "AF_INET" and not one.address.startswith(("127.", "169.254.")):
                return str(one.address)
    pytest.skip("this machine has no address but its own loopback")


@pytest.fixture
def listening(address: str, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a model server of the class that the test names."""
    running = ThreadingHTTPServer((address, 0), request.param)
    threading.Thread(target=running.serve_forever, args=(0.05,)).start()
    yield running.server_port
    running.shutdown()
    running.server_close()


def at(address: str, port: int) -> Item:
    """The part of a Service that says where it is."""
    return {"clusterIPs": [address], "ports": [{"name": "v2-http", "port": port}]}


@pytest.mark.parametrize("listening", [ModelServer], indirect=True)
def test_the_command_shows_what_is_there(server: ApiServer, address: str, listening: int) -> None:
    named = {"chorus/models": '["x"]'}
    server.put(service("asked", "table", **at(address, listening)))
    server.put(service("named", "table", annotations=named, **at(address, listening)))
    server.put(service("silent", "table", **at(address, free_port())))
    server.put(service("outside", "table", type="ExternalName"))
    server.put(service("plain", "table", labels={}))
    done = subprocess.run(
        [sys.executable, "-m", "chorus", "servers"],
        env=os.environ | {"KUBECONFIG": str(server.kubeconfig(namespace="table"))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cells = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()]
    silent = server.get("Service", "table", "silent")
    assert silent is not None
    assert cells == [
        ["server", "url", "models", "state"],
        ["table/asked", f"http://asked.table.svc:{listening}", "a, b", "ready"],
        ["table/named", f"http://named.table.svc:{listening}", "x", "ready"],
        ["table/outside", "-", "-", f"refused: {OUTSIDE}"],
        [
            *("table/silent", f"http://silent.table.svc:{silent['spec']['ports'][0]['port']}"),
            *("-", "not reachable"),
        ],
    ]
    assert done.stderr.splitlines() == [
        "chorus: a cluster's addresses are reached from its pods alone: "
        "kubectl exec deploy/chorus -c gateway -- chorus servers"
    ]


@pytest.mark.parametrize("listening", [ModelServer], indirect=True)
def test_the_same_as_json(server: ApiServer, address: str, listening: int) -> None:
    server.put(service("asked", "json", **at(address, listening)))
    passed_over = {"chorus/models": "a,b"}
    server.put(service("odd", "json-2", annotations=passed_over, **at(address, listening)))
    server.put(service("outside", "json-2", type="ExternalName"))
    result = servers(
        *("--json", "--namespace", "json-2", "--namespace", "json"),
        KUBECONFIG=str(server.kubeconfig(namespace="elsewhere")),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    first, second, third = json.loads(result.stdout)
    assert first == {
        "server": "json/asked",
        "url": f"http://asked.json.svc:{listening}",
        "models": ["a", "b"],
        "state": "ready",
        "reason": "",
    }
    assert second.pop("reason").startswith("the annotation chorus/models is passed over")
    assert second == {
        "server": "json-2/odd",
        "url": f"http://odd.json-2.svc:{listening}",
        "models": ["a", "b"],
        "state": "ready",
    }
    assert third == {
        "server": "json-2/outside",
        "url": None,
        "models": None,
        "state": "refused",
        "reason": OUTSIDE,
    }


def test_in_a_pod_it_looks_where_the_gateway_does(
    server: ApiServer, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    for namespace in ("own", "extra"):
        allow(server, namespace, "own")
        server.put(service("scorer", namespace, **at(address, port)))
    account = server.account_folder("own", "chorus")
    monkeypatch.setattr(survey, "in_cluster", lambda: in_cluster(account, variables(server)))
    result = servers("--json", CHORUS_DISCOVERY_NAMESPACES=" extra,", KUBECONFIG="/nowhere")
    rows = json.loads(result.stdout)
    assert [row["server"] for row in rows] == ["extra/scorer", "own/scorer"]
    assert {row["state"] for row in rows} == {"not reachable"}
    assert result.stderr == ""
    assert server.requests[-1].user == "system:serviceaccount:own:chorus"
    result = servers("--json", "--namespace", "own", CHORUS_DISCOVERY_NAMESPACES="extra")
    assert [row["server"] for row in json.loads(result.stdout)] == ["own/scorer"]


@pytest.mark.parametrize(
    ("listening", "state", "reason"),
    [(Closed, "ready", ""), (Starting, "not ready", "it answered 503")],
    indirect=["listening"],
)
def test_servers_that_say_less(
    server: ApiServer,
    address: str,
    listening: int,
    state: str,
    reason: str,
) -> None:
    server.put(service("one", f"less-{listening}", **at(address, listening)))
    kubeconfig = server.kubeconfig(namespace=f"less-{listening}")
    result = servers("--json", KUBECONFIG=str(kubeconfig))
    (row,) = json.loads(result.stdout)
    assert (row["models"], row["state"], row["reason"]) == (None, state, reason)


def test_a_server_that_does_not_answer(server: ApiServer, address: str) -> None:
    with socket.create_server((address, 0)) as silent:
        server.put(service("one", "silent", **at(address, silent.getsockname()[1])))
        kubeconfig = str(server.kubeconfig(namespace="silent"))
        result = servers("--json", "--timeout", "0.2", KUBECONFIG=kubeconfig)
    (row,) = json.loads(result.stdout)
    assert (row["state"], row["reason"]) == ("not reachable", "no answer in time")


def test_nothing_is_labelled(server: ApiServer) -> None:
    kubeconfig = str(server.kubeconfig(namespace="empty"))
    result = servers(KUBECONFIG=kubeconfig)
    assert result.exit_code == 0
    nothing = "chorus: no Service is labelled chorus/protocol=v2 in namespace empty"
    assert said(result) == nothing
    result = servers("--json", KUBECONFIG=kubeconfig)
    assert (result.stdout, result.stderr) == ("[]\n", f"{nothing}\n")


def test_no_cluster(tmp_path: Path) -> None:
    result = servers(KUBECONFIG=str(tmp_path / "none"))
    assert result.exit_code == 2
    assert said(result) == (
        "chorus: no cluster here: run this in a pod with a service account, or set KUBECONFIG"
    )


def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("secret: [")
    result = servers(KUBECONFIG=str(tmp_path / "config"))
    assert result.exit_code == 2
    assert said(result).startswith("chorus: the kubeconfig cannot be used")


def test_what_an_account_may_not_do_is_named(server: ApiServer) -> None:
    token = server.token("watched", "chorus")
    allow(server, "watched", "watched")
    server.put(service("scorer", "watched", type="ExternalName"))
    kubeconfig = str(server.kubeconfig(token, namespace="watched"))
    forbidden = "chorus: the account may not list services in namespace secret (403)"
    result = servers("--namespace", "secret", KUBECONFIG=kubeconfig)
    assert result.exit_code == 1
    assert said(result) == forbidden
    result = servers("--namespace", "secret", "--namespace", "watched", KUBECONFIG=kubeconfig)
    assert result.exit_code == 1
    assert "watched/scorer" in result.stdout
    assert result.stderr == f"{forbidden}\n"
    server.revoke(token)
    result = servers(KUBECONFIG=kubeconfig)
    assert result.exit_code == 1
    assert said(result) == (
        "chorus: the API server does not know the account that is to list services in "
        "namespace watched (401)"
    )


def test_an_api_server_that_is_away(server: ApiServer) -> None:
    kubeconfig = str(server.kubeconfig())
    server.stop()
    try:
        result = servers(KUBECONFIG=kubeconfig)
    finally:
        server.start()
    assert result.exit_code == 1
    assert said(result) == "chorus: the API server cannot be reached: ClientConnectorError"


def test_help_has_an_example() -> None:
    text = servers("--help").stdout
    assert "chorus servers --namespace chorus --json" in text
    assert "CHORUS_DISCOVERY_NAMESPACES" in text
