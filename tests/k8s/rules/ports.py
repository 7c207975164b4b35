"""Probes, Services and policies mean ports that somebody listens on."""

from __future__ import annotations

from collections.abc import Iterator

from tests.k8s.manifests import Manifests, Pod

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
PATHS = {
    "chorus_gateway": {"/healthz", "/readyz"},
    "mlserver_chorus.server": {"/v2/health/live", "/v2/health/ready"},
}


def probes(manifests: Manifests) -> Iterator[str]:
    """Every server is probed in all three ways, on its own port and on paths that it has."""
    for container in manifests.containers:
        paths = PATHS.get(container.program)
        if not (paths and container.pod.is_whole):
            continue
        for kind in PROBES:
            get = container.spec.get(kind, {}).get("httpGet", {})
            port = get.get("port")
            if port not in container.ports and port not in container.ports.values():
                yield f"{container.name}: {kind} is of port {port}, which it does not have"
            if get.get("path") not in paths:
                yield f"{container.name}: {kind} asks for {get.get('path')}"


def services(manifests: Manifests) -> Iterator[str]:
    """A Service leads to a port of its pods: by its name only where every cluster knows it.

    Named ports of native sidecars are unknown to Services before late releases of 1.32.
    """
    for item in manifests.of("Service"):
        name = item["metadata"]["name"]
        for pod in manifests.selected(item["spec"]["selector"]):
            for port in item["spec"]["ports"]:
                if port["targetPort"] not in _reachable(pod):
                    yield f"Service {name}: {port['name']} leads to no port of {pod.name}"


def _reachable(pod: Pod) -> set[str | int]:
    stay = [container for container in pod.containers if container.stays]
    numbers = {number for container in stay for number in container.ports.values()}
    return numbers | {name for one in stay if not one.is_init for name in one.ports}


def policies(manifests: Manifests) -> Iterator[str]:
    """A NetworkPolicy lets in by number, what its pods listen on."""
    for item in manifests.of("NetworkPolicy"):
        name = item["metadata"]["name"]
        labels = item["spec"]["podSelector"].get("matchLabels", {})
        pods = [pod for pod in manifests.selected(labels) if pod.is_whole]
        for rule in item["spec"].get("ingress", []):
            for port in (one["port"] for one in rule["ports"]):
                if not isinstance(port, int):
                    yield f"NetworkPolicy {name}: not every plugin finds {port} by its name"
                elif not all(port in _reachable(pod) for pod in pods):
                    yield f"NetworkPolicy {name}: nobody listens on {port}"
