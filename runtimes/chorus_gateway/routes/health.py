"""GET /healthz, /readyz and /metrics: for probes, load balancers and Prometheus."""

from typing import Any

import orjson
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import PlainTextResponse, Response

from chorus_gateway.metrics import Metrics
from chorus_gateway.readiness import Readiness


class LiveBody(BaseModel):
    """Body of /healthz."""

    live: bool


class ReadyBody(BaseModel):
    """Body of /readyz."""

    ready: bool
    models: dict[str, bool]
    discovery: bool  # whether the servers of the cluster are known; true where there is no cluster


NOT_READY: dict[str, Any] = {
    "model": ReadyBody,
    "description": "A model is not ready, the model server is down, the servers of the cluster "
    "are not known yet, or the gateway is leaving.",
}


def add_routes(app: FastAPI, readiness: Readiness, metrics: Metrics) -> None:
    """Add the three."""

    async def healthz() -> LiveBody:
        """Say that the gateway's event loop runs."""
        return LiveBody(live=True)

    async def readyz() -> Response:
        """Say whether every expected model is ready and the gateway stays."""
        models = await readiness.models()
        discovery = readiness.is_synced()
        ready = all(models.values()) and discovery and not readiness.draining
        body = orjson.dumps({"ready": ready, "models": models, "discovery": discovery})
        return Response(body, 200 if ready else 503, media_type="application/json")

    async def exposition() -> Response:
        """Return the metrics in Prometheus's text format."""
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    add = app.add_api_route
    add("/healthz", healthz, tags=["health"])
    add("/readyz", readyz, tags=["health"], response_model=ReadyBody, responses={503: NOT_READY})
    add("/metrics", exposition, tags=["health"], response_class=PlainTextResponse)
