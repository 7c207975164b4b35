"""Every variable is one that the program reads, with a value that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings
from tests.conftest import served_models
from tests.k8s.manifests import Container, Manifests
from tests.k8s.rules import registry

from chorus_gateway.settings import Settings
from mlserver_chorus.settings import RuntimeSettings

PREFIX = "CHORUS_"
SETTINGS: dict[str, type[BaseSettings]] = {
    "chorus_gateway": Settings,
    "mlserver_chorus.server": RuntimeSettings,
}
TRACES = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}
# Of libraries, each by the program that reads it.
OTHERS = {
    "chorus_gateway": TRACES,
    "mlserver_chorus.server": TRACES
    | registry.VARIABLES
    | {"HF_HOME", "HF_HUB_OFFLINE", "OMP_NUM_THREADS"},
    "chorus": {"CHORUS_MODELS_LOCK", "HF_HOME", "HF_TOKEN_PATH"},
}


def known(manifests: Manifests) -> Iterator[str]:
    """No variable that nobody reads: most would be misspelt."""
    for container in manifests.containers:
        kind = SETTINGS.get(container.program)
        fields = {f"{PREFIX}{name.upper()}" for name in kind.model_fields} if kind else set()
        names = set(container.environment(manifests))
        for name in sorted(names - fields - OTHERS.get(container.program, set())):
            yield f"{container.name}: nobody reads {name}"


def accepted(manifests: Manifests) -> Iterator[str]:
    """Every value is one that the program takes."""
    for container in manifests.containers:
        if kind := SETTINGS.get(container.program):
            try:
                kind(**_values(kind, container, manifests))
            except ValidationError as error:
                first = error.errors()[0]
                yield f"{container.name}: {first['loc'][0]}: {first['msg']}"


def _values(kind: type[BaseSettings], container: Container, manifests: Manifests) -> dict[str, Any]:
    said = container.environment(manifests)
    values = {name.removeprefix(PREFIX).lower(): value for name, value in said.items()}
    return {name: value for name, value in values.items() if name in kind.model_fields and value}


def explicit(manifests: Manifests) -> Iterator[str]:
    """What a program would guess from the machine, and guess wrong in a container, is said."""
    for container in manifests.containers:
        names = container.environment(manifests)
        if container.program == "chorus_gateway":
            for name in ("CHORUS_HOST", "CHORUS_WORKERS", "CHORUS_MODELS"):
                if name not in names:
                    yield f"{container.name}: {name} is missing"


def memory(manifests: Manifests) -> Iterator[str]:
    """The gateway's bounds are within its memory: what is decoded, what waits, and all bodies."""
    for container in manifests.containers:
        if container.program == "chorus_gateway":
            values = Settings(**_values(Settings, container, manifests))
            bodies = values.max_requests_in_flight * values.max_media_body_bytes
            worker = values.max_decoded_bytes + values.max_waiting_bytes + bodies
            if values.workers * worker > container.resource("memory", "limits"):
                yield f"{container.name}: its own bounds are above its memory"


def models(manifests: Manifests) -> Iterator[str]:
    """Model server and gateway of a pod agree on the models, and the folders are there."""
    for pod in manifests.pods:
        runtime, gateway = pod.container("mlserver_chorus.server"), pod.container("chorus_gateway")
        if runtime and gateway:
            served = _option(runtime, "--models").split(",")
            asked = str(gateway.environment(manifests)["CHORUS_MODELS"]).split(",")
            if sorted(served) != sorted(asked):
                yield f"{pod.name}: the gateway asks for other models than are served"
            there = {*served_models(), *registry.mounted(runtime, manifests)}
            if missing := set(served) - there:
                yield f"{pod.name}: there is no folder of {sorted(missing)}"


def _option(container: Container, name: str) -> str:
    """The value of an argument `--name=value`."""
    found = [one.partition("=")[2] for one in container.spec["args"] if one.startswith(f"{name}=")]
    return found[0] if found else ""


def weights(manifests: Manifests) -> Iterator[str]:
    """Who serves what was fetched reads it where it was put, by the same lock, and asks nobody."""
    for pod in manifests.pods:
        runtime = pod.container("mlserver_chorus.server")
        said = runtime.environment(manifests) if runtime else {}
        if not runtime or said.get("CHORUS_WEIGHTS", "standin") != "hub":
            continue
        mounts = {one["mountPath"]: one for one in runtime.spec["volumeMounts"]}
        if said.get("HF_HUB_OFFLINE") != "1":
            yield f"{runtime.name} may ask the hub"
        if not mounts.get(str(said.get("HF_HOME")), {}).get("readOnly"):
            yield f"{runtime.name}: HF_HOME is no volume, or one that it may write to"
        for other in pod.containers:
            fetched = other.environment(manifests)
            if other.program == "chorus" and any(
                fetched.get(name) != said.get(name) for name in ("HF_HOME", "CHORUS_MODELS_LOCK")
            ):
                yield f"{other.name} fetches to another place, or by another lock"
