"""Weights from the hub, in containers: one that pulls into a volume, one that serves from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

import pytest
from supply_chain.images import ROOT
from tests.chorus_weights.conftest import standin
from tests.chorus_weights.hub_server import Hub, serving
from tests.cluster.containers import Engine
from tests.cluster.test_images import LOCKED

from chorus_weights.source import of_uri

pytestmark = pytest.mark.cluster

LOCK = "--env=CHORUS_MODELS_LOCK=/models/models.lock"
ASK = (
    "from urllib.request import urlopen; "
    "print(urlopen('http://127.0.0.1:8080/v2/models/svalabs').read().decode())"
)


@pytest.fixture(scope="module")
def pulled(engine: Engine, image: Callable[[str], str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A volume that one container has pulled into, and the commits by model."""
    hub, commits = stocked()
    volume = engine.podman("volume", "create").stdout.strip()
    with serving(hub):
        address = [f"--env=HF_ENDPOINT={hub.url}", "--network=host"]  # the hub is on this machine
        options = [*LOCKED, LOCK, *address, f"--volume={volume}:/models"]
        engine.podman("run", "--rm", *options, image("runtime"), "chorus", "pull")
    yield volume, commits
    engine.podman("volume", "rm", "--force", volume)


def stocked() -> tuple[Hub, dict[str, str]]:
    """A hub with what the five classifiers are made from, and the commits by model."""
    hub, commits = Hub(), {}
    for settings in (ROOT / "models").glob("*/model-settings.json"):
        repository = of_uri(json.loads(settings.read_text())["parameters"].get("uri") or "")
        if repository:
            name = settings.parent.name
            commits[name] = hub.put(repository.name, standin(name))
    return hub, commits


@pytest.mark.parametrize("target", ["runtime", "all"])
def test_another_container_serves_them_without_the_hub(
    engine: Engine,
    image: Callable[[str], str],
    pulled: tuple[str, Mapping[str, str]],
    target: str,
) -> None:
    volume, commits = pulled
    assert len(commits) == 5
    server = engine.run(
        image(target),
        options=[
            *(*LOCKED, LOCK, "--network=none", f"--volume={volume}:/models:ro"),
            *("--env=CHORUS_WEIGHTS=hub", "--env=HF_HUB_OFFLINE=1"),
        ],
    )
    server.wait_until(
        lambda: not engine.podman("healthcheck", "run", server.id, check=False).returncode
    )
    told = json.loads(server.exec("python", "-c", ASK).stdout)["parameters"]
    assert told["weights"] == "hub"
    assert told["checkpoint"] == f"svalabs/twitter-xlm-roberta-crypto-spam@{commits['svalabs']}"
    server.remove()
