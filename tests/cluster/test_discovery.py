"""A gateway's pod follows the Services of its namespace, as its account and under the shipped Role.

The API server is a real one to kubectl and to the gateway; what the cluster's network would do for
a Service is done by hand: its address is that of the pod behind it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.apiserver.access import ADMIN
from tests.cluster.containers import START_SECONDS, wait_until
from tests.cluster.metrics import total
from tests.cluster.node import NAMESPACE, Node
from tests.cluster.pods import Pod

pytestmark = pytest.mark.cluster

TEXT = "Win free bitcoin now"
MODEL = "second-opinion"
LABEL = "chorus/protocol"
ROUNDS = 5
AWAY_SECONDS = 10.0
FOUND_SECONDS = 5.0
"""In which a server is found at the latest; what it takes is printed, and is below one."""
WAYS = (
    MODEL,
    f"{NAMESPACE}/second",
    f"{NAMESPACE}/second/{MODEL}",
    "http://second:8080",
    f"http://second.{NAMESPACE}.svc.cluster.local:8080/v2/models/{MODEL}/infer",
)


class Gateway:
    """The gateway of a pod, asked from outside."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        url = pod.url("gateway", "gateway")
        self._client = httpx.Client(base_url=url, timeout=START_SECONDS, trust_env=False)

    def predict(self, where: str) -> httpx.Response:
        body = {"hf_pipeline": "text-classification", "model_deployed_url": where, "inputs": [TEXT]}
        return self._client.post("/predict", json=body)

    def status(self, where: str = MODEL) -> int:
        return self.predict(where).status_code

    def by_name(self) -> int:
        return self._client.post(f"/models/{MODEL}", json={"inputs": TEXT}).status_code

    def is_ready(self) -> bool:
        return self._client.get("/readyz").is_success

    def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        return total(str(self._client.base_url).rstrip("/"), name)


def a_service(name: str, address: str) -> str:
    spec = {
        "clusterIP": address,
        "selector": {"app": "second"},
        "ports": [{"name": "v2-http", "port": 8080}],
    }
    return json.dumps(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    )


@pytest.fixture(scope="module")
def gateway(node: Node) -> Iterator[Gateway]:
    pod = node.pod("chorus").start()
    gateway = Gateway(pod)
    assert gateway.status("svalabs") == 200  # loads what a gateway loads for its first task
    yield gateway
    pod.remove()


@pytest.fixture(scope="module")
def second(node: Node) -> Iterator[Pod]:
    """Another model server, up, with two Services that nobody follows: one without an address."""
    node.kubectl(
        "apply", "--validate=false", "-f", str(Path(__file__).parent / "second_server.yaml")
    )
    pod = node.pod("second", [f"second-by-name.{NAMESPACE}.svc.cluster.local"]).start()
    for name, address in (("second", pod.address), ("second-by-name", "None")):
        node.kubectl("apply", "--validate=false", "-f", "-", given=a_service(name, address))
    yield pod
    pod.remove()


@pytest.fixture
def labelled(node: Node, gateway: Gateway, second: Pod) -> Iterator[None]:
    node.kubectl("label", "service", "second", f"{LABEL}=v2")
    wait_until(lambda: gateway.status() == 200, START_SECONDS)
    yield
    node.kubectl("label", "service", "second", f"{LABEL}-")
    wait_until(lambda: gateway.status() == 404, START_SECONDS)


def test_a_labelled_service_is_asked_within_a_second_and_an_unlabelled_one_is_not(
    node: Node, gateway: Gateway, second: Pod, say: Callable[[str], None]
) -> None:
    assert [gateway.status(way) for way in WAYS] == [404, 404, 404, 400, 400]
    assert gateway.by_name() == 404

    def seconds_until(status: int, change: str) -> float:
        node.kubectl("label", "service", "second", change)
        began = time.monotonic()
        while gateway.status() != status:
            assert time.monotonic() < began + FOUND_SECONDS
        return time.monotonic() - began

    found, gone = [], []
    for _ in range(ROUNDS):
        found.append(seconds_until(200, f"{LABEL}=v2"))
        assert [gateway.status(way) for way in WAYS] == [200] * len(WAYS)
        assert gateway.by_name() == 200
        assert gateway.metric("chorus_gateway_discovered_servers") == 1
        gone.append(seconds_until(404, f"{LABEL}-"))
        assert [gateway.status(way) for way in WAYS] == [404, 404, 404, 400, 400]
        assert gateway.by_name() == 404
    say(
        f"after kubectl label, {ROUNDS} times: /predict answers within {max(found):.3f} s, "
        f"refuses within {max(gone):.3f} s"
    )


def test_a_headless_service_is_found_by_its_name(node: Node, gateway: Gateway, second: Pod) -> None:
    node.kubectl("label", "service", "second-by-name", f"{LABEL}=v2")
    wait_until(lambda: gateway.status(f"{NAMESPACE}/second-by-name") == 200, START_SECONDS)
    node.kubectl("label", "service", "second-by-name", f"{LABEL}-")
    wait_until(lambda: gateway.status(f"{NAMESPACE}/second-by-name") == 404, START_SECONDS)


def test_a_running_call_ends_well_when_the_label_goes(
    node: Node, gateway: Gateway, second: Pod
) -> None:
    node.kubectl("label", "service", "second", f"{LABEL}=v2")
    wait_until(lambda: gateway.status() == 200, START_SECONDS)
    with ThreadPoolExecutor(1) as caller:
        with second.paused("server"):
            running = caller.submit(gateway.status)
            wait_until(lambda: gateway.metric("chorus_gateway_in_flight") == 1, START_SECONDS)
            node.kubectl("label", "service", "second", f"{LABEL}-")
            wait_until(lambda: gateway.status() == 404, START_SECONDS)
            assert not running.done()
        assert running.result(START_SECONDS) == 200


@pytest.mark.usefixtures("labelled")
def test_names_hold_while_the_api_server_is_away(
    node: Node, gateway: Gateway, say: Callable[[str], None]
) -> None:
    stale = "chorus_gateway_discovery_stale_seconds"
    assert gateway.metric(stale) == 0
    node.api.stop()
    seen: list[float] = []
    gone = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < gone or seen[-1] == 0:
        assert [gateway.status(way) for way in WAYS] == [200] * len(WAYS)
        assert gateway.by_name() == 200
        assert gateway.is_ready()
        seen.append(gateway.metric(stale))
        time.sleep(0.5)
    node.api.start()
    assert sorted(seen) == seen
    wait_until(lambda: gateway.metric(stale) == 0, START_SECONDS)
    say(
        f"API server away: {len(seen)} rounds of {len(WAYS) + 1} calls answered, "
        f"the list {seen[-1]:.1f} s old"
    )


def test_the_gateway_has_asked_for_services_alone(node: Node, gateway: Gateway) -> None:
    asked = {
        (one.verb, one.resource, one.namespace)
        for one in node.api.requests
        if one.user != ADMIN.name
    }
    assert asked == {(verb, "services", NAMESPACE) for verb in ("list", "watch")}


def test_its_account_may_list_services_and_nothing_else(node: Node, gateway: Gateway) -> None:
    """From inside, with the token that is in the pod."""
    code = """
import json, os, ssl, sys, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
host, port = (os.environ[f"KUBERNETES_SERVICE_{name}"] for name in ("HOST", "PORT"))
tls = ssl.create_default_context(cafile=f"{folder}/ca.crt")
def status(path):
    head = {"authorization": "Bearer " + open(f"{folder}/token").read()}
    request = urllib.request.Request(f"https://{host}:{port}{path}", headers=head)
    try:
        return urllib.request.urlopen(request, context=tls).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([status(path) for path in sys.argv[1:]]))
"""
    ours, theirs = (f"/api/v1/namespaces/{name}" for name in (NAMESPACE, "default"))
    paths = (f"{ours}/services", f"{ours}/pods", f"{ours}/secrets", f"{theirs}/services")
    done = gateway.pod.container("gateway").exec("python", "-c", code, *paths)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [200, 403, 403, 403]
