"""Whatever dashboard, alerts and autoscalers look at is there, on the pages of a running stack."""

from __future__ import annotations

import httpx
import pytest
from tests.monitoring.exported import exported, missing, used

from .conftest import Stack

PIPELINES = "chorus_pipeline_"


@pytest.fixture(scope="module")
def there(stack: Stack) -> dict[str, frozenset[str]]:
    """The metrics after an answer, a request that came too late, and one for a model unknown."""
    late = {"x-request-timeout": "0.0001"}
    assert httpx.post(f"{stack.url}/process", json="Hello").status_code == 200
    assert httpx.post(f"{stack.url}/process", json="Hello", headers=late).status_code in (503, 504)
    assert httpx.post(f"{stack.url}/models/nobody", json={"inputs": "a"}).status_code == 404
    return exported(f"{stack.url}/metrics", f"http://127.0.0.1:{stack.ports[3]}/metrics")


def test_every_metric_in_use_is_exported(there: dict[str, frozenset[str]]) -> None:
    ours = [use for use in used() if not use.metric.startswith(PIPELINES)]
    assert len(ours) > 30
    assert missing(ours, there) == []
