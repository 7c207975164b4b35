"""Of MLServer's REST metrics, callers make up no series."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette_exporter import PrometheusMiddleware

from mlserver_chorus.guard.rest_metrics import count_known_methods

PREFIX = "of_these_tests"


def series() -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.startswith(PREFIX) and not sample.name.endswith("_created")
    }


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    app.add_api_route("/here", lambda: "", methods=["GET", "POST"])
    app.add_middleware(PrometheusMiddleware, prefix=PREFIX)
    count_known_methods(app)
    return app


async def test_methods_that_are_none_of_the_protocol_are_not_counted(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for method in ("GET", "POST"):
            await client.request(method, "/here")
        before = series()
        for method in ("PROPFIND", "MKCOL", "LOCK", "PUT", "OPTIONS", "MADEUP"):
            answer = await client.request(method, "/here")
            assert answer.status_code == 405
        assert series() == before
        await client.get("/here")
    assert series() != before, "the others are"
    assert any("'method', 'POST'" in name and "/here" in name for name in before)
