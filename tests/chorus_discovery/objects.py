"""Objects of Kubernetes that the tests put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

RBAC = Path(__file__).parents[2] / "k8s" / "base" / "rbac.yaml"

Item = dict[str, Any]

LABELS = {"chorus/protocol": "v2"}
PORTS = [{"name": "v2-http", "port": 8080, "targetPort": "http", "protocol": "TCP"}]


def service(
    name: str,
    namespace: str = "chorus",
    *,
    labels: dict[str, str] = LABELS,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Item:
    """A labelled Service with an address and the port of V2 over REST, unless told otherwise."""
    addresses = spec.get("clusterIPs", ["10.96.0.10"])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": annotations or {},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": addresses[0] if addresses else "",
            "clusterIPs": addresses,
            "ports": PORTS,
            **spec,
        },
    }


def permission(namespace: str, account_namespace: str) -> list[Item]:
    """The Role and RoleBinding that ship, for a namespace and the account `chorus` of another."""
    role, binding = yaml.safe_load_all(RBAC.read_text())
    for one in (role, binding):
        one["metadata"]["namespace"] = namespace
    binding["subjects"][0]["namespace"] = account_namespace
    return [role, binding]
