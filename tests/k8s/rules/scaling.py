"""One autoscaler, that owns the number of replicas, and no metric twice."""

from __future__ import annotations

from collections.abc import Iterator

from tests.k8s.manifests import Manifests

OWN = {"matchLabels": {"server": "own"}}  # more of our pods help no other server


def owners(manifests: Manifests) -> Iterator[str]:
    """Exactly one autoscaler for a Deployment without `replicas`, none for one with them."""
    scalers = manifests.of("HorizontalPodAutoscaler", "ScaledObject")
    for item in manifests.of("Deployment"):
        name = item["metadata"]["name"]
        count = [one["spec"]["scaleTargetRef"]["name"] for one in scalers].count(name)
        if count + ("replicas" in item["spec"]) != 1:
            yield f"Deployment {name}: {count} autoscalers, and replicas are said or not"


def signals(manifests: Manifests) -> Iterator[str]:
    """All scale on requests in flight, counted once, and slower down than up."""
    for item in manifests.of("HorizontalPodAutoscaler"):
        for metric in item["spec"]["metrics"]:
            read = metric["pods"]["metric"]
            if read["name"] != "chorus_gateway_in_flight" or read["selector"] != OWN:
                yield "the autoscaler reads another metric"
        yield from _behaviour(item["spec"]["behavior"])
    for item in manifests.of("ScaledObject"):
        (trigger,) = item["spec"]["triggers"]
        query = trigger["metadata"]["query"]
        if not query.startswith("sum(chorus_gateway_in_flight{") or 'server="own"' not in query:
            yield "KEDA reads another metric"
        if trigger["metadata"].get("ignoreNullValues") != "false":
            yield "KEDA takes no data for no load"
        if trigger["metricType"] != "AverageValue" or "fallback" not in item["spec"]:
            yield "KEDA has no fallback, which only average values have"
        yield from _behaviour(item["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"])


def _behaviour(behaviour: dict[str, dict[str, int]]) -> Iterator[str]:
    up, down = behaviour["scaleUp"], behaviour["scaleDown"]
    if up["stabilizationWindowSeconds"] or down["stabilizationWindowSeconds"] < 300:
        yield "it scales up late, or down at once"


def availability(manifests: Manifests) -> Iterator[str]:
    """A roll never has fewer pods than before, and a broken pod holds up no drain of a node."""
    for item in manifests.of("Deployment"):
        update = item["spec"]["strategy"]["rollingUpdate"]
        if update["maxUnavailable"] != 0 or update["maxSurge"] == 0:
            yield f"Deployment {item['metadata']['name']} has fewer pods while it rolls"
    for item in manifests.of("PodDisruptionBudget"):
        if item["spec"]["unhealthyPodEvictionPolicy"] != "AlwaysAllow":
            yield f"PodDisruptionBudget {item['metadata']['name']} keeps broken pods"
