"""The documents of both APIs, with the names of models that the faulty server has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlserver.rest.openapi import get_openapi_schema

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings

Json = dict[str, Any]

MODELS: Json = {"enum": ["left", "process", "nobody"]}
TASKS: Json = {"enum": ["text-classification", "fill-mask", "nothing"]}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
    "additionalProperties": False,
}
# What a V2 request may be refused with: see `STATUSES` in mlserver_chorus/errors.py and the guard.
_REFUSALS = (400, 404, 405, 413, 415, 429, 431, 503, 504)


def gateway_document() -> Json:
    """The gateway's own document."""
    document = create_app(Settings()).openapi()
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in ("name", "model"):
                parameter["schema"] = MODELS
    properties = _body(document, "/predict")["properties"]
    properties |= {"hf_pipeline": TASKS, "model_deployed_url": MODELS}
    return document


def v2_document() -> Json:
    """MLServer's document, with what Chorus answers where that says too little, or is no schema."""
    document: Json = get_openapi_schema()
    document["components"]["schemas"]["TensorData"] = {"type": "array"}
    document["paths"]["/v2/repository/index"] = _INDEX
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = MODELS if parameter["name"] == "model_name" else {"enum": ["1"]}
        answered = operation["responses"]
        answered.pop("500", None)  # whatever is sent
        answered |= {str(status): _refusal() for status in _REFUSALS}
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/{model_name}/ready"):
        for status in ("200", "503"):
            document["paths"][path]["get"]["responses"][status] = _state(path)
    return document


_INDEX: Json = {
    "post": {
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {"ready": {}},  # 0, 1 and words are taken for it, too
                    }
                }
            }
        },
        "responses": {
            "200": {
                "description": "",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "array",
                            "items": {"type": "object", "required": ["name", "state"]},
                        }
                    }
                },
            }
        },
    }
}


def _refusal() -> Json:
    return {"description": "", "content": {"application/json": {"schema": _ERROR}}}


def _state(path: str) -> Json:
    said = path.rpartition("/")[2]
    schema = {"type": "object", "required": [said], "properties": {said: {"type": "boolean"}}}
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _operations(document: Json) -> Iterator[Json]:
    for path in document["paths"].values():
        yield from (one for method, one in path.items() if method in ("get", "post"))


def _body(document: Json, path: str) -> Json:
    body = document["paths"][path]["post"]["requestBody"]
    schema: Json = body["content"]["application/json"]["schema"]
    return schema
