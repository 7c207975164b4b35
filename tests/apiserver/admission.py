"""What the API server itself writes into an object, and what it refuses to store."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address
from uuid import uuid4

from tests.apiserver.kinds import Item, Kind
from tests.apiserver.problems import Problem, invalid

CLUSTER_ADDRESSES = int(IPv4Address("10.96.0.0"))
"""Where the addresses of Services begin: the default of kubeadm."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SERVER_FIELDS = ("uid", "creationTimestamp")


class Admission:
    """Names are checked, identities given, Services get a cluster address."""

    def __init__(self) -> None:
        self._addresses = CLUSTER_ADDRESSES

    def admit(self, kind: Kind, namespace: str, item: Item, before: Item | None) -> Item:
        """The object as it will be stored; `before` is what it replaces."""
        item = item | {"metadata": self._metadata(kind, namespace, item, before)}
        if kind.name == "Service":
            item = item | {"spec": self._service(item.get("spec") or {}, before)}
        return item

    def _metadata(self, kind: Kind, namespace: str, item: Item, before: Item | None) -> Item:
        metadata = {
            key: value
            for key, value in (item.get("metadata") or {}).items()
            if value is not None and key != "managedFields"
        }
        name = metadata.get("name", "")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise invalid(kind, str(name), "metadata.name", "must be a lowercase DNS subdomain")
        if metadata.get("namespace", namespace) != namespace:
            raise Problem(
                400, "the namespace of the provided object does not match that of the request"
            )
        if kind.namespaced:
            metadata["namespace"] = namespace
        return metadata | self._identity(before)

    def _identity(self, before: Item | None) -> Item:
        if before is not None:
            return {field: before["metadata"][field] for field in _SERVER_FIELDS}
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"uid": str(uuid4()), "creationTimestamp": created}

    def _service(self, spec: Item, before: Item | None) -> Item:
        spec = {"type": "ClusterIP", **spec}
        if "ports" in spec:
            spec["ports"] = [
                {"protocol": "TCP", "targetPort": port.get("port")} | port for port in spec["ports"]
            ]
        if spec["type"] == "ExternalName":
            return spec
        listed = spec.get("clusterIPs") or [None]
        previous = (before or {}).get("spec", {}).get("clusterIP")
        address = spec.get("clusterIP") or listed[0] or previous or self._next_address()
        return spec | {"clusterIP": address, "clusterIPs": [address, *listed[1:]]}

    def _next_address(self) -> str:
        self._addresses += 1
        return str(IPv4Address(self._addresses))
