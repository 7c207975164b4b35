"""The component on the base, as `kubectl kustomize` renders it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.monitoring.manifests import COMPONENT, K8S

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


def rendered(folder: Path, *components: Path) -> dict[tuple[str, str], Any]:
    """Each object by kind and name."""
    # Kustomize takes no absolute paths.
    relative = [os.path.relpath(path, folder.resolve()) for path in (K8S / "base", *components)]
    overlay = {"namespace": "chorus", "resources": relative[:1], "components": relative[1:]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}


def endpoints(objects: dict[tuple[str, str], Any]) -> list[Any]:
    found: list[Any] = objects["PodMonitor", "chorus"]["spec"]["podMetricsEndpoints"]
    return found


def test_the_monitor_finds_the_pods_and_their_ports(tmp_path: Path) -> None:
    objects = rendered(tmp_path, COMPONENT)
    pod = objects["Deployment", "chorus"]["spec"]["template"]
    monitor = objects["PodMonitor", "chorus"]["spec"]
    labels = pod["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert labels[monitor["jobLabel"]] == "chorus", "what the alerts select by"
    containers = [*pod["spec"]["containers"], *pod["spec"]["initContainers"]]
    ports = {port["name"]: port["containerPort"] for c in containers for port in c.get("ports", ())}
    assert {end["port"]: end["path"] for end in endpoints(objects)} == {
        "gateway": "/metrics",
        "metrics": "/metrics",
    }
    assert (ports["gateway"], ports["metrics"]) == (8000, 8082)


def test_grafana_finds_the_dashboard(tmp_path: Path) -> None:
    objects = rendered(tmp_path, COMPONENT)
    found = objects["ConfigMap", "chorus-dashboards"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["data"] == {"chorus.json": (COMPONENT / "dashboards/chorus.json").read_text()}
    assert found["metadata"]["namespace"] == "chorus"


def test_prometheus_shows_a_key_where_keys_are_asked_for(tmp_path: Path) -> None:
    assert not any("authorization" in end for end in endpoints(rendered(tmp_path, COMPONENT)))
    objects = rendered(tmp_path, COMPONENT, COMPONENT / "keys")
    credentials = {"name": "chorus-metrics-key", "key": "key"}
    for end in endpoints(objects):
        assert end["authorization"] == {"type": "Bearer", "credentials": credentials}
