"""One engine for all tests with containers, and its images."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from tests.apiserver.server import ApiServer
from tests.cluster import storage
from tests.cluster.containers import Engine
from tests.cluster.network import Network
from tests.cluster.node import Node

MINUTES = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of an image waits for its build."""
    for item in items:
        if item.get_closest_marker("cluster") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(40 * MINUTES))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """podman and buildah; skips, naming what is missing."""
    if missing := storage.missing():
        pytest.skip(f"containers cannot be run here: no {missing} (make test-cluster installs it)")
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def image(engine: Engine) -> Callable[[str], str]:
    """`image("gateway")`: what the image is called, once it is built."""
    return cache(engine.image)


@pytest.fixture(scope="session")
def node(
    engine: Engine, image: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """What `kubectl apply -k k8s/overlays/local` made, and pods of it."""
    for program in ("kubectl", "iptables-restore"):
        if not shutil.which(program):
            pytest.skip(f"pods cannot be run here: no {program}")
    image("runtime")
    folder = tmp_path_factory.mktemp("node")
    network = Network(engine, image("gateway"))
    try:
        with ApiServer(host=network.gateway, folder=folder) as api:
            node = Node(engine, network, api, folder)
            node.apply("local")
            yield node
            node.close()
    finally:
        network.remove()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line of figures, whether or not the test passes."""

    def print_now(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return print_now
