"""What metrics pages hold, beside what queries expect of them."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.monitoring.manifests import Use, queries, uses

# What Prometheus adds to every series of a pod.
OF_THE_TARGET = frozenset({"namespace", "pod", "container", "job"})


def exported(*urls: str) -> dict[str, frozenset[str]]:
    """The labels of each metric that has a sample."""
    labels: dict[str, frozenset[str]] = {}
    for url in urls:
        page = httpx.get(url, timeout=30)
        assert page.status_code == 200, page
        for family in text_string_to_metric_families(page.text):
            for sample in family.samples:
                labels[sample.name] = labels.get(sample.name, frozenset()) | sample.labels.keys()
    return labels


def used() -> set[Use]:
    """Every metric of ours that a dashboard, an alert or an autoscaler looks at."""
    return {use for query in queries() for use in uses(query)}


def missing(uses: Iterable[Use], there: dict[str, frozenset[str]]) -> list[str]:
    """What is used and not there, in words."""
    return [
        f"{metric} is not exported"
        if metric not in there
        else f"{metric} has no label {', '.join(sorted(labels - there[metric] - OF_THE_TARGET))}"
        for metric, labels in sorted(uses)
        if metric not in there or labels - there[metric] - OF_THE_TARGET
    ]
