"""Wrong requests with a canary wherever a request has room for one, to each of the servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlserver.grpc import dataplane_pb2 as pb
from tests.live.protocol import Json, message, option, request, tensor

CANARY = "canary3f9c"
# A field that reads like a name is named to who misspelt it; anything else is not.
NO_NAME = f"{CANARY} 3f9c"
HEADERS = {
    "x-canary": CANARY,
    f"x-{CANARY}": "1",
    "authorization": f"Bearer {CANARY}",
    "cookie": f"a={CANARY}",
    "user-agent": CANARY,
}


@dataclass(frozen=True)
class Wrong:
    """A request over HTTP that is refused."""

    path: str
    body: Any = None
    """Sent as JSON unless it is text."""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> str | None:
        return (
            self.body if self.body is None or isinstance(self.body, str) else json.dumps(self.body)
        )


def text(**given: Any) -> Json:
    """An input with the canary for a text."""
    return tensor([CANARY], **given)


# What is wrong, over REST and gRPC alike.
REQUESTS: dict[str, Json] = {
    "text, its number": request(text(shape=[2])),
    "text, its type": request(text(datatype="FP32")),
    "datatype": request(text(datatype=CANARY)),
    "input": request(text(), text(name=CANARY)),
    "input, twice": request(text(), text(name=CANARY), text(name=CANARY)),
    "content type": request(text(content_type=CANARY)),
    "content type of all": request(text(), content_type=CANARY),
    "text, no JSON": request(text(content_type="hg_json")),
    "output": request(text(), outputs=[CANARY]),
    "output, twice": request(text(), outputs=[CANARY, CANARY]),
    "top_k": request(text(), top_k=CANARY),
    "top_k, an input": request(text(), option("top_k", CANARY)),
    "function_to_apply": request(text(), function_to_apply=CANARY),
    "timeout": request(text(), timeout=CANARY),
    "another parameter": request(text(), top_k=0) | {"parameters": {CANARY: CANARY, "top_k": 0}},
    "id": request(text(shape=[2])) | {"id": CANARY},
    "headers": request(text(), headers=CANARY),
    "a failure": request(tensor([f"{CANARY} poison"])),
    "a failure of the numbers": request(tensor([f"{CANARY} nan"])),
    "a failure of the rows": request(tensor([f"{CANARY} rows:1"])),
    "a failure for want of memory": request(tensor([f"{CANARY} oom:0"])),
}

_INFER = "/v2/models/left/infer"
_FINE = request(text())
_BAD = request(text(shape=[2]))


def _json(**replaced: Any) -> Json:
    return {"inputs": [text() | replaced]}


REST: dict[str, Wrong] = {
    **{name: Wrong(_INFER, asked) for name, asked in REQUESTS.items()},
    **{
        f"{name}, generate": Wrong("/v2/models/left/generate", asked)
        for name, asked in REQUESTS.items()
    },
    **{
        f"{name}, ensemble": Wrong("/v2/models/process/infer", asked)
        for name, asked in REQUESTS.items()
    },
    "model": Wrong(f"/v2/models/{CANARY}/infer", _FINE),
    "model, generate": Wrong(f"/v2/models/{CANARY}/generate", _FINE),
    "model, stream": Wrong(f"/v2/models/{CANARY}/generate_stream", _FINE),
    "model's metadata": Wrong(f"/v2/models/{CANARY}", method="GET"),
    "model's readiness": Wrong(f"/v2/models/{CANARY}/ready", method="GET"),
    "model's documents": Wrong(f"/v2/models/{CANARY}/docs/dataplane.json", method="GET"),
    "model to load": Wrong(f"/v2/repository/models/{CANARY}/load"),
    "model to unload": Wrong(f"/v2/repository/models/{CANARY}/unload"),
    "version": Wrong(f"/v2/models/left/versions/{CANARY}/infer", _FINE),
    "version's metadata": Wrong(f"/v2/models/left/versions/{CANARY}", method="GET"),
    "version's readiness": Wrong(f"/v2/models/left/versions/{CANARY}/ready", method="GET"),
    "path": Wrong(f"/v2/{CANARY}", _FINE),
    "path, escaped": Wrong(f"/v2/models/%2e%2e%2f{CANARY}/infer", _FINE),
    "path, with a slash": Wrong(f"/v2/models/left/infer/?{CANARY}", _FINE),
    "query": Wrong(f"{_INFER}?{CANARY}={CANARY}", _BAD),
    "method": Wrong(_INFER, method=CANARY.upper()),
    "host": Wrong(_INFER, _BAD, headers={"host": CANARY}),
    "host of another path": Wrong("/v2/repository/index/", {}, headers={"host": CANARY}),
    "declared type": Wrong(_INFER, _FINE, headers={"content-type": f"{CANARY}/{CANARY}"}),
    "declared charset": Wrong(
        _INFER, _BAD, headers={"content-type": f"application/json;charset={CANARY}"}
    ),
    "declared coding": Wrong(_INFER, _FINE, headers={"content-encoding": CANARY}),
    "declared header": Wrong(_INFER, _FINE, headers={"inference-header-content-length": CANARY}),
    "timeout in a header": Wrong(_INFER, _FINE, headers={"x-request-timeout": CANARY}),
    "timeout in milliseconds": Wrong(_INFER, _FINE, headers={"x-request-timeout-ms": CANARY}),
    "broken": Wrong(_INFER, f'{{"inputs": [{{"name": "{CANARY}"'),
    "broken, a name": Wrong(_INFER, f'{{"{CANARY}": {CANARY}}}'),
    "no object": Wrong(_INFER, [CANARY]),
    "a string": Wrong(_INFER, f'"{CANARY}"'),
    "another field": Wrong(_INFER, {CANARY: CANARY}),
    "no list": Wrong(_INFER, {"inputs": CANARY}),
    "no input": Wrong(_INFER, {"inputs": [CANARY]}),
    "name": Wrong(_INFER, _json(name=[CANARY])),
    "shape": Wrong(_INFER, _json(shape=[CANARY])),
    "datatype of another type": Wrong(_INFER, _json(datatype=[CANARY])),
    "data": Wrong(_INFER, _json(data=CANARY)),
    "data, an object": Wrong(_INFER, _json(data={CANARY: CANARY})),
    "data, nested": Wrong(_INFER, _json(data=[[[CANARY]]])),
    "parameters": Wrong(_INFER, _FINE | {"parameters": [CANARY]}),
    "parameters of an input": Wrong(_INFER, _json(parameters=CANARY)),
    "headers, an object": Wrong(_INFER, _BAD | {"parameters": {"headers": {CANARY: CANARY}}}),
    "outputs": Wrong(_INFER, _FINE | {"outputs": CANARY}),
    "id of another type": Wrong(_INFER, _FINE | {"id": [CANARY]}),
    "index": Wrong("/v2/repository/index", {"ready": CANARY}),
    "stream": Wrong("/v2/models/left/generate_stream", _BAD),
}

_PREDICT: Json = {
    "hf_pipeline": "text-classification",
    "model_deployed_url": "left",
    "inputs": CANARY,
}


def _predict(**replaced: Any) -> Wrong:
    return Wrong("/predict", _PREDICT | replaced)


def _declared(path: str, body: Any) -> dict[str, Wrong]:
    """What the headers may say of a body, on one route."""
    return {
        f"declared coding, {path}": Wrong(path, body, headers={"content-encoding": CANARY}),
        f"broken, {path}": Wrong(path, f'{{"{CANARY}": {CANARY}'),
        f"timeout, {path}": Wrong(path, body, headers={"x-request-timeout": CANARY}),
        f"method, {path}": Wrong(path, method=CANARY.upper()),
        f"query, {path}": Wrong(f"{path}?{CANARY}={CANARY}", f"{{{CANARY}"),
        f"path below {path}": Wrong(f"{path}/{CANARY}/{CANARY}"),
    }


GATEWAY: dict[str, Wrong] = {
    **_declared("/process", f'"{CANARY}"'),
    **_declared("/predict", _PREDICT),
    **_declared("/models/left", {"inputs": CANARY}),
    "declared type": Wrong("/process", f'"{CANARY}"', headers={"content-type": f"a/{CANARY}"}),
    "declared type of a model": Wrong(
        "/models/left", {"inputs": CANARY}, headers={"content-type": f"a/{CANARY}"}
    ),
    "no string": Wrong("/process", [CANARY]),
    "an object": Wrong("/process", {CANARY: CANARY}),
    "a failure": Wrong("/process", f'"{CANARY} poison"'),
    "a failure of a model": Wrong("/models/left", {"inputs": f"{CANARY} poison"}),
    "task": _predict(hf_pipeline=CANARY),
    "another task": _predict(hf_pipeline="image-classification"),
    "URL": _predict(model_deployed_url=f"http://{CANARY}.example/v2/models/{CANARY}/infer"),
    "URL, a name": _predict(model_deployed_url=CANARY),
    "URL, a file": _predict(model_deployed_url=f"file:///{CANARY}"),
    "URL, no URL": _predict(model_deployed_url=f"http://[{CANARY}"),
    "URL of another type": _predict(model_deployed_url=[CANARY]),
    "another field": _predict(**{NO_NAME: CANARY}),
    "parameter": _predict(parameters={NO_NAME: CANARY}),
    "parameters": _predict(parameters=CANARY),
    "a parameter's value": _predict(parameters={"top_k": CANARY}),
    "inputs": _predict(inputs={CANARY: CANARY}),
    "inputs, a list": _predict(inputs=[CANARY, [CANARY]]),
    "no inputs": Wrong("/predict", {CANARY: 1}),
    "no object": Wrong("/predict", [CANARY]),
    "shape": Wrong(f"/predict?shape={CANARY}", _PREDICT),
    "model": Wrong(f"/models/{CANARY}", {"inputs": CANARY}),
    "model's health": Wrong(f"/models/{CANARY}/health", method="GET"),
    "model's description": Wrong(f"/models/{CANARY}/info", method="GET"),
    "model, escaped": Wrong(f"/models/%2e%2e%2f{CANARY}", {"inputs": CANARY}),
    "model's parameter": Wrong("/models/left", {"inputs": CANARY, "parameters": {NO_NAME: 1}}),
    "model's stream": Wrong("/models/left", {"inputs": CANARY, "stream": CANARY}),
    "model of a chat": Wrong(f"/models/{CANARY}/v1/chat/completions", {"messages": [CANARY]}),
    "chat": Wrong("/models/left/v1/chat/completions", {"messages": [CANARY], "model": CANARY}),
    "classifier": Wrong(f"/classify?sentence=a&model={CANARY}", method="GET"),
    "classifier's parameter": Wrong(f"/classify?sentence=a&model=left&{CANARY}+x=1", method="GET"),
    "classifier's value": Wrong(f"/classify?sentence=a&model=left&top_k={CANARY}", method="GET"),
    "classifier's text": Wrong("/classify?model=left", [CANARY]),
    "host": Wrong("/process", [CANARY], headers={"host": CANARY}),
    "path": Wrong(f"/{CANARY}?{CANARY}", method="GET"),
    "loop": Wrong("/predict", _PREDICT, headers={"x-chorus-hop": CANARY}),
}

RPC: dict[str, tuple[str, Any]] = {
    **{name: ("ModelInfer", message(asked, "left")) for name, asked in REQUESTS.items()},
    **{
        f"{name}, ensemble": ("ModelInfer", message(asked, "process"))
        for name, asked in REQUESTS.items()
    },
    "model": ("ModelInfer", message(_FINE, CANARY)),
    "version": ("ModelInfer", message(_FINE, "left", CANARY)),
    "id, model": ("ModelInfer", message(_FINE | {"id": CANARY}, "nobody")),
    "model's metadata": ("ModelMetadata", pb.ModelMetadataRequest(name=CANARY)),
    "version's metadata": ("ModelMetadata", pb.ModelMetadataRequest(name="left", version=CANARY)),
    "model's readiness": ("ModelReady", pb.ModelReadyRequest(name=CANARY)),
    "version's readiness": ("ModelReady", pb.ModelReadyRequest(name="left", version=CANARY)),
    "model to load": ("RepositoryModelLoad", pb.RepositoryModelLoadRequest(model_name=CANARY)),
    "model to unload": (
        "RepositoryModelUnload",
        pb.RepositoryModelUnloadRequest(model_name=CANARY),
    ),
}
