"""What a server's /metrics says."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families


def total(url: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels, whatever others they have."""
    page = httpx.get(f"{url}/metrics", timeout=60, trust_env=False).raise_for_status().text
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
