"""Models of an MLflow server: described in a ConfigMap, fetched by the model server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from tests.k8s.manifests import Container, Manifests

from chorus_weights.registry import uri
from mlserver_chorus.settings import RuntimeSettings

SECRETS = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"}
VARIABLES = {"MLFLOW_TRACKING_URI", *SECRETS}
LONGEST = RuntimeSettings.model_fields["mlflow_timeout"].default


def registry(manifests: Manifests) -> Iterator[str]:
    """Who serves models of MLflow knows where it is, has room and time for them, hides its key."""
    for item in manifests.of("ConfigMap"):
        yield from (f"{name} is in plain sight" for name in sorted(SECRETS & item["data"].keys()))
    for container in manifests.containers:
        said = container.environment(manifests)
        if container.program != "mlserver_chorus.server":
            continue
        if not any(map(_is_registered, mounted(container, manifests).values())):
            continue
        if not said.get("MLFLOW_TRACKING_URI"):
            yield f"{container.name}: nobody says where MLflow is"
        if str(said.get("CHORUS_MLFLOW_CACHE")) not in _writable(container):
            yield f"{container.name}: CHORUS_MLFLOW_CACHE is no volume that it may write to"
        if float(said.get("CHORUS_MLFLOW_TIMEOUT") or LONGEST) >= _start(container):
            yield f"{container.name} is killed before CHORUS_MLFLOW_TIMEOUT is over"


def mounted(container: Container, manifests: Manifests) -> dict[str, Any]:
    """The settings of the models that ConfigMaps bring below the server's folder, by name."""
    found = {}
    volumes = {volume["name"]: volume for volume in container.pod.spec.get("volumes", [])}
    for mount in container.spec.get("volumeMounts", []):
        source = volumes.get(mount["name"], {}).get("configMap")
        if source and PurePosixPath(mount["mountPath"]).is_relative_to(container.spec["args"][0]):
            data = manifests.one("ConfigMap", source["name"])["data"]
            for item in source.get("items", []):
                if PurePosixPath(item["path"]).name == "model-settings.json":
                    settings = json.loads(data[item["key"]])
                    found[settings["name"]] = settings
    return found


def _is_registered(settings: Any) -> bool:
    return uri.parse(settings["parameters"]["uri"]) is not None


def _writable(container: Container) -> set[str]:
    """Where the container has a volume that is empty at first and its own."""
    empty = {one["name"] for one in container.pod.spec.get("volumes", []) if "emptyDir" in one}
    mounts = container.spec.get("volumeMounts", [])
    return {one["mountPath"] for one in mounts if one["name"] in empty and not one.get("readOnly")}


def _start(container: Container) -> float:
    """Seconds until the kubelet gives a start up."""
    probe = container.spec["startupProbe"]
    return float(probe["periodSeconds"] * probe["failureThreshold"])
