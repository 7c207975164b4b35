"""GET /: what this is and where to go on."""

from fastapi import FastAPI
from pydantic import BaseModel


class IndexBody(BaseModel):
    """Body of /."""

    service: str
    version: str
    links: dict[str, str]


def add_routes(app: FastAPI) -> None:
    """Add GET /."""
    body = IndexBody(
        service="chorus",
        version=app.version,
        links={
            "process": "/process",
            "predict": "/predict",
            "classify": "/classify",
            "models": "/models",
            "docs": "/docs",
            "openapi": "/openapi.json",
            "readyz": "/readyz",
            "metrics": "/metrics",
        },
    )

    async def index() -> IndexBody:
        """Name the service, its version and its pages."""
        return body

    app.add_api_route("/", index, tags=["index"])
