"""The dashboard and the alerts in a real Prometheus that scrapes a real stack, with its key."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, Final

import httpx
import pytest
import yaml
from tests.conftest import free_port
from tests.monitoring.manifests import COMPONENT, alerts, documents, panels, scaling, variables
from tests.stack.conftest import Stack

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not shutil.which("prometheus"), reason="prometheus is not installed (Debian: prometheus)"
    ),
]

TEXTS: Final = ("Hello", "a longer text " * 12, "Guten Morgen, wie geht es dir heute?")
PATIENCE_S: Final = 120.0
# By the names that KServe gives, so that its autoscaler's query finds it too.
POD: Final = "chorus-predictor-1"
CHOSEN: Final = {"$namespace": "chorus", "$pod": ".*", "$__rate_interval": "1m"}


class Prometheus:
    """One server of its own: fresh folder, free port, ended by its process id."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30)
        self.log = folder / "log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )

    def ask(self, query: str) -> list[float]:
        """The values of a query, now; fails unless it can be evaluated."""
        reply = self._client.get("/query", params={"query": query})
        said = reply.json()
        assert said["status"] == "success", (query, said)
        result: list[Any] = said["data"]["result"]
        return [float(one["value"][1]) for one in result]

    def has_data(self, query: str) -> bool:
        """Whether a query has a number for an answer."""
        return any(not math.isnan(value) for value in self.ask(query))

    def rules(self) -> dict[str, Any]:
        """What it says of each alert."""
        groups = self._client.get("/rules").json()["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def until(self, query: str) -> None:
        """Wait until the query has data."""
        give_up = time.monotonic() + PATIENCE_S
        while not self._answers(query):
            assert time.monotonic() < give_up, (query, self.log.read_text()[-2000:])
            time.sleep(0.5)

    def _answers(self, query: str) -> bool:
        try:
            return self.has_data(query)
        except httpx.TransportError:
            return False  # it has not opened its port yet

    def end(self) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait(30)


def new_key(file: Path, name: str, *options: str) -> str:
    command = [sys.executable, "-m", "chorus", "keys", "new", name, "--file", str(file), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]


def target(port: int, container: str) -> dict[str, Any]:
    """A scraped port, with the labels that the PodMonitor gives its series."""
    labels = {"namespace": "chorus", "pod": POD, "container": container}
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file of keys, one for an application and one for Prometheus."""
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    return {
        "file": str(file),
        "application": new_key(file, "application"),
        "prometheus": new_key(file, "prometheus", "--metrics"),
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Iterator[Stack]:
    """The ensemble and a pipeline behind keys, under a little load, with a refusal and an error."""
    log = tmp_path_factory.mktemp("stack") / "serve.log"
    options = ("--models", "process,text-classification")
    stack = Stack.start(log, *options, CHORUS_API_KEYS_FILE=keys["file"])
    enough = Event()
    try:
        stack.wait_until_ready(300)
        client = httpx.Client(
            base_url=stack.url,
            timeout=60,
            headers={"authorization": f"Bearer {keys['application']}"},
        )
        with client, ThreadPoolExecutor(4) as threads:
            working = [threads.submit(work, client, enough) for _ in range(4)]
            try:
                yield stack
            finally:
                enough.set()
            for each in working:
                each.result()
    finally:
        stack.stop()


def work(client: httpx.Client, enough: Event) -> None:
    """A little of everything, until told."""
    late = {"x-request-timeout": "0.0001"}
    while not enough.is_set():
        for text in TEXTS:
            assert client.post("/process", json=text).status_code == 200
        asked = client.post("/models/text-classification", json={"inputs": list(TEXTS)})
        assert asked.status_code == 200
        assert client.post("/process", json="too late", headers=late).status_code in (503, 504)
        assert client.post("/models/nobody", json={"inputs": "a"}).status_code == 404
        enough.wait(0.05)


@pytest.fixture(scope="module")
def prometheus(
    loaded: Stack, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Scrapes both ports as the PodMonitor says, and one of them without a key."""
    folder = tmp_path_factory.mktemp("prometheus")
    (manifest,) = documents(COMPONENT / "rules.yaml")
    (folder / "rules.yaml").write_text(yaml.safe_dump(manifest["spec"]))
    targets = [target(loaded.ports[0], "gateway"), target(loaded.ports[3], "runtime")]
    key = {"type": "Bearer", "credentials": keys["prometheus"]}
    started = Prometheus(
        folder,
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [
                {"job_name": "chorus", "static_configs": targets, "authorization": key},
                {"job_name": "without-key", "static_configs": targets},
            ],
        },
    )
    try:
        started.until('up{job="chorus", container="runtime"} == 1')
        yield started
    finally:
        started.end()


def filled_in(query: str) -> str:
    """A panel's query as Grafana sends it."""
    for variable, value in CHOSEN.items():
        query = query.replace(variable, value)
    return query


def test_prometheus_gets_in_with_its_key_alone(prometheus: Prometheus) -> None:
    prometheus.until('up{job="without-key"}')
    assert prometheus.ask('up{job="chorus"}') == [1, 1]
    assert prometheus.ask('up{job="without-key"}') == [0, 0]


@pytest.mark.parametrize("title", panels())
def test_a_panel_has_data(prometheus: Prometheus, title: str) -> None:
    for query in panels()[title]:
        prometheus.until(filled_in(query))


def test_the_variables_and_the_autoscalers_have_data(prometheus: Prometheus) -> None:
    for query in variables():
        metric = query.removeprefix("label_values(").rpartition(",")[0]
        prometheus.until(filled_in(metric))
    for query in scaling():
        prometheus.until(query)


def test_every_alert_is_evaluated_and_none_fires(prometheus: Prometheus) -> None:
    prometheus.until("chorus_gateway_in_flight")
    give_up = time.monotonic() + PATIENCE_S
    while any(rule["health"] == "unknown" for rule in prometheus.rules().values()):
        assert time.monotonic() < give_up
        time.sleep(0.5)
    rules = prometheus.rules()
    assert set(rules) == set(alerts())
    for name, rule in rules.items():
        assert rule["health"] == "ok", (name, rule.get("lastError"))
        assert rule["state"] != "firing", name
        prometheus.ask(rule["query"])
