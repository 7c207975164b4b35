"""The pod of the manifests in real containers: its start, what it may do, and its end."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.cluster.containers import START_SECONDS, Engine, wait_until
from tests.cluster.metrics import total
from tests.cluster.node import Node
from tests.cluster.pods import Pod
from tests.cluster.probes import Probe
from tests.k8s.manifests import quantity

pytestmark = pytest.mark.cluster

TEXT = "This is how true happiness looks like 👍😜"
CALLERS = 4
LONG = json.dumps({"inputs": [TEXT * 20] * 64})
IN_FLIGHT = "chorus_gateway_in_flight"
JSON = {"content-type": "application/json"}


class Watch(threading.Thread):
    """Asks a probe again and again on connections of their own; what it said, without repeats."""

    def __init__(self, probe: Probe, address: str) -> None:
        super().__init__(daemon=True)
        self.said: list[int | None] = []
        self._probe, self._address = probe, address
        self._stop_now = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_now.set()
        self.join()

    def run(self) -> None:
        while not self._stop_now.wait(0.05):
            status = self._probe.status(self._address)
            if self.said[-1:] != [status]:
                self.said.append(status)


@pytest.fixture(scope="module")
def pod(node: Node) -> Iterator[Pod]:
    """Started container by container in the tests, which go on from one to the next."""
    pod = node.pod("chorus")
    yield pod
    pod.remove()


def test_the_model_server_starts_first_and_is_not_ready_at_once(pod: Pod) -> None:
    assert pod.containers == ["runtime", "gateway"]
    ready = pod.probe("runtime", "readinessProbe")
    with Watch(ready, pod.address) as watch:
        pod.start_container("runtime")
        pod.wait_until_started("runtime")
        wait_until(lambda: 200 in watch.said, START_SECONDS)
    assert watch.said[0] != 200
    assert watch.said[-1] == 200
    assert pod.probe("runtime", "livenessProbe").succeeds(pod.address)
    assert not pod.container("gateway").is_running


def test_the_gateway_starts_on_a_model_server_that_is_ready(pod: Pod) -> None:
    pod.start_container("gateway")
    pod.wait_until_started("gateway")
    wait_until(lambda: pod.is_ready, START_SECONDS)
    assert pod.probe("gateway", "livenessProbe").succeeds(pod.address)


def test_it_answers_from_outside(pod: Pod) -> None:
    answer = httpx.post(
        f"{pod.url('gateway', 'gateway')}/process", json=TEXT, timeout=60, trust_env=False
    )
    assert answer.status_code == 200
    assert len(answer.json()) == 5
    assert answer.headers["x-chorus-weights"] == "standin"


def test_it_answers_from_inside(pod: Pod) -> None:
    code = f"""
import http.client, json, os
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
connection.request("POST", "/process", json.dumps({TEXT!r}), {{"content-type": "application/json"}})
answer = connection.getresponse()
print(json.dumps([os.getuid(), answer.status, len(json.load(answer))]))
"""
    done = pod.container("gateway").exec("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [10001, 200, 5]


@pytest.mark.parametrize("name", ["runtime", "gateway"])
def test_no_container_has_a_privilege(pod: Pod, name: str) -> None:
    container = pod.container(name)
    lines = container.exec("cat", "/proc/1/status").stdout.splitlines()
    status = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    assert container.exec("id", "-u").stdout.strip() == "10001"


@pytest.mark.parametrize("name", ["runtime", "gateway"])
def test_nothing_can_be_written_but_scratch(pod: Pod, name: str) -> None:
    container = pod.container(name)
    assert container.exec("touch", "/scratch/mine").returncode == 0
    for place in ("/mine", "/opt/chorus/mine", "/models/mine", "/tmp/mine"):
        refused = container.exec("touch", place)
        assert "Read-only file system" in refused.stderr, place


def test_the_gateway_alone_has_the_accounts_token(pod: Pod) -> None:
    listed = pod.container("gateway").exec("ls", "/var/run/secrets/kubernetes.io/serviceaccount")
    assert set(listed.stdout.split()) == {"token", "ca.crt", "namespace"}
    assert "No such file" in pod.container("runtime").exec("ls", "/var/run/secrets").stderr


def test_memory_is_limited_as_the_manifest_says(engine: Engine, pod: Pod) -> None:
    for name, spec in pod.specs.items():
        told = engine.podman("container", "inspect", pod.container(name).id).stdout
        limit = json.loads(told)[0]["HostConfig"]["Memory"]
        assert limit == quantity(spec["resources"]["limits"]["memory"])


def test_a_model_server_that_dies_is_started_again_beside_the_gateway(pod: Pod) -> None:
    ready, live = (pod.probe("gateway", kind) for kind in ("readinessProbe", "livenessProbe"))
    with Watch(live, pod.address) as watch:
        pod.kill("runtime")
        wait_until(lambda: ready.status(pod.address) == 503, START_SECONDS)
        pod.start_container("runtime")
        pod.wait_until_started("runtime")
        wait_until(lambda: pod.is_ready, START_SECONDS)
    assert watch.said == [200]


# ------------------------------------------------------------------------------------ its end


def ask_until_told_to_leave(host: str) -> list[int]:
    """Statuses of one caller's long requests, on one connection until the gateway closes it."""
    connection = http.client.HTTPConnection(host, timeout=START_SECONDS)
    statuses = []
    while True:
        connection.request("POST", "/models/cardiffnlp", LONG, JSON)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
        if answer.status != 200 or answer.getheader("connection") == "close":
            return statuses


def test_a_stop_loses_nothing(pod: Pod, say: Callable[[str], None]) -> None:
    """The last test of this pod."""
    url = pod.url("gateway", "gateway")
    ready = pod.probe("gateway", "readinessProbe")
    with ThreadPoolExecutor(CALLERS) as callers, Watch(ready, pod.address) as watch:
        host = url.removeprefix("http://")
        asking = [callers.submit(ask_until_told_to_leave, host) for _ in range(CALLERS)]

        def are_under_way(container: str) -> None:
            if container == "gateway":
                all_stay = lambda: not any(one.done() for one in asking)  # noqa: E731
                wait_until(
                    lambda: total(url, IN_FLIGHT, model="cardiffnlp") > 0, START_SECONDS, all_stay
                )

        ended = pod.stop(are_under_way)
        statuses = [status for one in asking for status in one.result(START_SECONDS)]

    assert [(one.container, one.code) for one in ended] == [("gateway", 0), ("runtime", 0)]
    assert set(statuses) == {200}
    assert watch.said == [200, 503, None]
    assert ended[-1].gone < pod.grace
    times = [f"{one.container} told at {one.told:.1f} s, gone at {one.gone:.1f} s" for one in ended]
    say(f"{len(statuses)} long requests answered; {'; '.join(times)}; grace {pod.grace} s")
