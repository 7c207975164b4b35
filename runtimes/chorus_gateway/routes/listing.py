"""GET /models: which models can be asked by name, and what they run on."""

from typing import Any, Final, Literal

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from chorus_gateway.routes import examples
from chorus_gateway.routes.desk import answer
from chorus_gateway.upstream.listing import Listing
from chorus_gateway.upstream.served import Model

STANDINS: Final = ("random", "trained")


class ListedModel(BaseModel):
    """One model; null where it does not say."""

    name: str
    task: str | None = None
    weights: str | None = None
    standin: Literal["random", "trained"] | None = None  # answers of random weights mean nothing
    checkpoint: str | None = None
    revision: str | None = None
    labels: str | None = None  # with commas between


class ModelsBody(BaseModel):
    """Body of /models."""

    models: list[ListedModel]


def add_routes(app: FastAPI, listing: Listing) -> None:
    """Add GET /models."""

    async def models() -> Response:
        """List the models that are ready: here, under a configured name, in the cluster."""
        return answer({"models": [_listed(model) for model in await listing.models()]})

    app.add_api_route(
        "/models",
        models,
        tags=["models"],
        response_model=ModelsBody,
        responses={200: examples.LISTED},
    )


def _listed(model: Model) -> dict[str, Any]:
    standin = model.stated("standin")
    return {
        "name": model.name,
        "task": model.task,
        "weights": model.stated("weights"),
        "standin": standin if standin in STANDINS else None,
        "checkpoint": model.stated("checkpoint"),
        "revision": model.stated("revision"),
        "labels": model.stated("labels"),
    }
