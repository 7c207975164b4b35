"""What k8s/components/mlflow brings into the model server, served by a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.k8s.manifests import Container, Manifests
from tests.k8s.rendering import items
from tests.mlflow.conftest import COLD, NAME, Server, Trained

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MODEL = "topics"


def mount(container: Container, manifests: Manifests, folder: Path) -> None:
    """The ConfigMap of models as the kubelet mounts it: links into a hidden folder."""
    (volume,) = (one for one in container.pod.spec["volumes"] if one["name"] == "mlflow-models")
    data = manifests.one("ConfigMap", volume["configMap"]["name"])["data"]
    hidden = folder / "..2026_11_21"
    for item in volume["configMap"]["items"]:
        path = hidden / item["path"]
        path.parent.mkdir(parents=True)
        path.write_text(data[item["key"]])
    (folder / "..data").symlink_to(hidden.name)
    for one in hidden.iterdir():
        (folder / one.name).symlink_to(f"..data/{one.name}")


@pytest.fixture
def champion(server: Server, trained: Trained) -> Iterator[str]:
    """The model of the component's example in the registry; its version."""
    client = server.client
    found = client.copy_model_version(f"models:/{NAME}/1", MODEL)
    client.set_registered_model_alias(MODEL, "champion", found.version)
    yield f"models:/{MODEL}/{found.version}"
    client.delete_registered_model(MODEL)


@pytest.fixture
def runtime(server: Server, champion: str, tmp_path: Path, launch: Launch) -> Runtime:
    manifests = Manifests(items("base+mlflow"))
    container = manifests.pods[0].container("mlserver_chorus.server")
    assert container
    models = tmp_path / "models"
    mount(container, manifests, models / "mlflow")
    said = {name: value for name, value in container.environment(manifests).items() if value}
    here = {"MLFLOW_TRACKING_URI": server.url, "CHORUS_MLFLOW_CACHE": str(tmp_path / "cache")}
    return launch(models, "--models", MODEL, environment=said | here).wait_until_ready(MODEL)


def test_the_example_is_served(runtime: Runtime, champion: str, tmp_path: Path) -> None:
    model = f"{runtime.url}/v2/models/{MODEL}"
    text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [COLD]}

    described = httpx.get(model, timeout=30).json()["parameters"]
    answered = httpx.post(f"{model}/infer", json={"inputs": [text]}, timeout=30)

    assert described["weights"] == "mlflow"
    assert described["checkpoint"] == champion
    assert json.loads(answered.json()["outputs"][0]["data"][0])["label"] == "cold"
    assert list((tmp_path / "cache").glob("*/checkpoint/config.json"))
