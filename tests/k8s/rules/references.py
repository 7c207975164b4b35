"""Whatever is named is there: labels, volumes, settings, targets of autoscalers and routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.k8s.manifests import Manifests
from tests.k8s.rendering import Item

HASHED = re.compile(r".+-[a-z0-9]{10}")
# Not ours: of the cluster, and the Secrets that an operator makes, as the components say.
GIVEN = {"kube-root-ca.crt", "chorus-keys", "chorus-hub", "chorus-mlflow"}


def selectors(manifests: Manifests) -> Iterator[str]:
    """Whatever selects pods finds some."""
    for item, labels in _selecting(manifests):
        if labels and not manifests.selected(labels):
            yield f"{item['kind']} {item['metadata']['name']} selects no pod"
    for item in manifests.of("Deployment"):
        template = item["spec"]["template"]
        if not _matched(item["spec"]["selector"]) <= template["metadata"]["labels"].items():
            yield f"Deployment {item['metadata']['name']} does not select its own pods"
        for one in template["spec"].get("topologySpreadConstraints", []):
            if not _matched(one["labelSelector"]) <= template["metadata"]["labels"].items():
                yield f"Deployment {item['metadata']['name']} spreads other pods"


def _selecting(manifests: Manifests) -> Iterator[tuple[Item, Mapping[str, str]]]:
    for item in manifests.of("Service"):
        yield item, item["spec"]["selector"]
    for item in manifests.of("PodDisruptionBudget"):
        yield item, item["spec"]["selector"]["matchLabels"]
    for item in manifests.of("NetworkPolicy"):
        yield item, item["spec"]["podSelector"].get("matchLabels", {})


def _matched(selector: Item) -> set[tuple[str, str]]:
    return set(selector["matchLabels"].items())


def namespaces(manifests: Manifests) -> Iterator[str]:
    """Nothing is left to the namespace that somebody's kubectl happens to be in."""
    for item in manifests.items:
        if item["kind"] != "Namespace" and "namespace" not in item["metadata"]:
            yield f"{item['kind']} {item['metadata']['name']} is in no namespace"


def volumes(manifests: Manifests) -> Iterator[str]:
    """Every mount is of a volume, every volume is mounted, and what it holds is there."""
    for pod in manifests.pods:
        if not pod.is_whole:
            continue
        there = {volume["name"] for volume in pod.spec.get("volumes", [])}
        mounts = [
            mount["name"] for one in pod.containers for mount in one.spec.get("volumeMounts", [])
        ]
        if odd := there ^ set(mounts):
            yield f"{pod.name}: volumes and mounts do not agree on {sorted(odd)}"


def settings(manifests: Manifests) -> Iterator[str]:
    """Every ConfigMap and Secret that is named is there; ours with a hash of what they hold."""
    for kind, name, user in _named(manifests):
        if name not in GIVEN and not manifests.has(kind, name):
            yield f"{user} names the {kind} {name}, which is not there"
        if kind == "ConfigMap" and name not in GIVEN and not HASHED.fullmatch(name):
            yield f"{user}: a change of {name} would be no rollout"


def _named(manifests: Manifests) -> Iterator[tuple[str, str, str]]:
    for pod in manifests.pods:
        for volume in pod.spec.get("volumes", []):
            for source in [volume, *volume.get("projected", {}).get("sources", [])]:
                if "configMap" in source:
                    yield "ConfigMap", source["configMap"]["name"], pod.name
                if "secret" in source:
                    yield "Secret", source["secret"]["secretName"], pod.name
    for container in manifests.containers:
        for source in container.spec.get("envFrom", []):
            yield "ConfigMap", source["configMapRef"]["name"], container.name
        for one in container.spec.get("env", []):
            if "valueFrom" in one:
                yield "Secret", one["valueFrom"]["secretKeyRef"]["name"], container.name


def targets(manifests: Manifests) -> Iterator[str]:
    """Autoscalers scale something, routes lead to a port of a Service, accounts are there."""
    for item in manifests.of("HorizontalPodAutoscaler", "ScaledObject"):
        if not manifests.has("Deployment", item["spec"]["scaleTargetRef"]["name"]):
            yield f"{item['kind']} {item['metadata']['name']} scales nothing"
    for item in manifests.of("HTTPRoute", "GRPCRoute"):
        for rule in item["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                service = manifests.one("Service", backend["name"])
                if backend["port"] not in [port["port"] for port in service["spec"]["ports"]]:
                    yield f"{item['kind']} {item['metadata']['name']} leads to no port"
    for pod in manifests.pods:
        account = pod.spec.get("serviceAccountName")
        if account and not manifests.has("ServiceAccount", account):
            yield f"{pod.name} runs as {account}, which is not there"
