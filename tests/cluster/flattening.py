"""From a Deployment to a Pod that podman can play, with all of the manifest that podman knows.

| of the manifest | here |
|---|---|
| a native sidecar | one of the containers; pods.py starts and stops it in its turn |
| probes, preStop, restartPolicy, the grace period | left to pods.py, which reads them |
| a projected volume | a ConfigMap with the same files |
| an emptyDir | its name with the pod's before it: podman shares volumes of one name |
| a port | left out: podman would publish it on this machine |
| an image | that of this name in podman's own storage |
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

Item = dict[str, Any]

LEFT_OUT = (
    "ports",
    "restartPolicy",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
    "lifecycle",
)


def in_order(spec: Item) -> list[Item]:
    """A pod's containers as they are started. Raises ValueError for one that only prepares."""
    sidecars = spec.get("initContainers", [])
    if any(one.get("restartPolicy") != "Always" for one in sidecars):
        raise ValueError("an init container that ends is not played")
    return [*sidecars, *spec["containers"]]


def flattened(
    template: Item, name: str, account: Mapping[str, str], environment: Mapping[str, str]
) -> list[Item]:
    """ConfigMaps with the files of the account, wherever a volume projects it, and the Pod.

    `environment` is what the kubelet tells every container.
    """
    spec = deepcopy(template["spec"])
    containers = [_container(one, name, environment) for one in in_order(spec)]
    spec |= {
        "restartPolicy": "Never",
        "initContainers": [],
        "containers": containers,
        "volumes": [_volume(one, name) for one in spec.get("volumes", [])],
    }
    projected = [one for one in template["spec"].get("volumes", []) if "projected" in one]
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return [
        *(_config_map(f"{name}-{one['name']}", account) for one in projected),
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
    ]


def config_maps(spec: Item) -> set[str]:
    """The names of those that a pod's environment and volumes come from."""
    sources = [source for one in in_order(spec) for source in one.get("envFrom", [])]
    volumes = spec.get("volumes", [])
    return {source["configMapRef"]["name"] for source in sources} | {
        volume["configMap"]["name"] for volume in volumes if "configMap" in volume
    }


def _container(spec: Item, pod: str, environment: Mapping[str, str]) -> Item:
    kept = {key: value for key, value in spec.items() if key not in LEFT_OUT}
    told = [{"name": key, "value": value} for key, value in environment.items()]
    mounts = [one | {"name": f"{pod}-{one['name']}"} for one in spec.get("volumeMounts", [])]
    return kept | {
        "image": f"localhost/{spec['image']}",
        "env": [*told, *spec.get("env", [])],
        "volumeMounts": mounts,
    }


def _volume(volume: Item, pod: str) -> Item:
    name = {"name": f"{pod}-{volume['name']}"}
    if "projected" not in volume:
        return volume | name
    return name | {"configMap": name | {"defaultMode": volume["projected"]["defaultMode"]}}


def _config_map(name: str, data: Mapping[str, str]) -> Item:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": dict(data),
    }
