"""Nothing is reached but what is said to be, and never the metadata service of a cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network

from tests.k8s.manifests import Manifests, Pod

LINK_LOCAL = IPv4Network("169.254.0.0/16")  # where clouds hand out credentials
EVERYWHERE = IPv4Network("0.0.0.0/0")
NAMED = re.compile(r"https?://[\w-]+\.([\w-]+)\.svc:(\d+)(?:/|$)")


def denied(manifests: Manifests) -> Iterator[str]:
    """A namespace of ours denies, both ways, what no policy allows."""
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if manifests.of("Namespace") and not any(
        item["spec"] == deny for item in manifests.of("NetworkPolicy")
    ):
        yield "there is no policy that denies by default"


def addresses(manifests: Manifests) -> Iterator[str]:
    """No open door: link-local addresses are in no block, and each names its ports."""
    for item in manifests.of("NetworkPolicy"):
        name = item["metadata"]["name"]
        for rule in item["spec"].get("egress", []):
            if not rule.get("ports"):
                yield f"NetworkPolicy {name} lets out at any port"
            for peer in rule.get("to", [{}]):
                if not peer:
                    yield f"NetworkPolicy {name} lets out to anywhere"
                elif "ipBlock" in peer:
                    yield from (f"NetworkPolicy {name} {what}" for what in _block(peer["ipBlock"]))
        for rule in item["spec"].get("ingress", []):
            if not rule.get("ports"):
                yield f"NetworkPolicy {name} lets in at any port"


def reached(manifests: Manifests) -> Iterator[str]:
    """What a setting names in another namespace, a policy lets its pod out to, at that port."""
    for container in manifests.containers:
        for name, value in container.environment(manifests).items():
            found = NAMED.match(value or "")
            if found and (found[1], int(found[2])) not in _doors(manifests, container.pod):
                yield f"{container.name}: no policy lets it out to {name}"


def _doors(manifests: Manifests, pod: Pod) -> set[tuple[str, int]]:
    """The namespaces that a pod may reach, each with a port."""
    return {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for item in manifests.of("NetworkPolicy")
        if item["spec"]["podSelector"].get("matchLabels", {}).items() <= pod.labels.items()
        for rule in item["spec"].get("egress", [])
        for peer in rule["to"]
        if "namespaceSelector" in peer
        for port in rule["ports"]
    }


def _block(block: dict[str, object]) -> Iterator[str]:
    cidr = IPv4Network(str(block["cidr"]))
    excepted = block.get("except", [])
    assert isinstance(excepted, list)
    left_out = [IPv4Network(str(one)) for one in excepted]
    if cidr == EVERYWHERE and not left_out:
        yield "lets out to everywhere"
    if cidr.overlaps(LINK_LOCAL) and not any(LINK_LOCAL.subnet_of(one) for one in left_out):
        yield "lets out to link-local addresses"
    if not all(one.subnet_of(cidr) for one in left_out):
        yield f"leaves out what is not in {cidr}"
