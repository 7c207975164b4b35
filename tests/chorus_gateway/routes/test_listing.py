from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.chorus_gateway.v2_server import V2Server

from chorus_gateway.routes.listing import ModelsBody


async def listed(tasks: httpx.AsyncClient) -> dict[str, Any]:
    response = await tasks.get("/models")
    assert response.status_code == 200
    return {model["name"]: model for model in response.json()["models"]}


async def test_every_model_that_is_ready(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.states["shot"] = "LOADING"
    v2.parameters = {"labels": "a,b", "standin": "trained", "checkpoint": "c", "revision": "f00"}
    models = await listed(tasks)
    assert list(models) == ["classifier", "detector", "generator", "listener", "speaker"]
    assert models["classifier"] == {
        "name": "classifier",
        "task": "text-classification",
        "weights": "standin",
        "standin": "trained",
        "checkpoint": "c",
        "revision": "f00",
        "labels": "a,b",
    }


@pytest.mark.parametrize("odd", [7, ["a"], {"a": 1}, True, None])
async def test_what_is_no_text_is_null(tasks: httpx.AsyncClient, v2: V2Server, odd: Any) -> None:
    v2.parameters = dict.fromkeys(("labels", "standin", "checkpoint", "weights"), odd)
    model = (await listed(tasks))["classifier"]
    assert [model[name] for name in v2.parameters] == [None] * 4


async def test_a_stand_in_that_calls_itself_something_else(
    tasks: httpx.AsyncClient, v2: V2Server
) -> None:
    v2.parameters = {"standin": "excellent"}
    assert (await listed(tasks))["classifier"]["standin"] is None


async def test_it_is_what_the_documentation_says(tasks: httpx.AsyncClient) -> None:
    ModelsBody.model_validate((await tasks.get("/models")).json(), strict=True)
    documented = (await tasks.get("/openapi.json")).json()["paths"]["/models"]["get"]
    content = documented["responses"]["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/ModelsBody"}
    ModelsBody.model_validate(content["example"], strict=True)


async def test_it_is_counted_under_its_route(tasks: httpx.AsyncClient) -> None:
    await listed(tasks)
    page = (await tasks.get("/metrics")).text
    assert 'requests_total{method="GET",route="/models",status="200"} 1.0' in page


async def test_a_text_to_classify_is_posted_to_a_model(tasks: httpx.AsyncClient) -> None:
    refusal = await tasks.post("/models", json={"inputs": "a"})
    assert (refusal.status_code, refusal.headers["allow"]) == (405, "GET")
