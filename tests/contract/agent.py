"""What an agent in the server's pod does: folders come and go, models are loaded and unloaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import httpx
from mlserver.grpc import dataplane_pb2 as pb
from tests.conftest import MODELS
from tests.live.protocol import STATUSES

MODEL = "svalabs"
"""Whose weights every pushed model has, under whatever name."""
STORED_NAME = "as-its-author-called-it"
# All that Seldon Core 2's agent keeps of a model's settings when it writes its own name into them.
KEPT = {"name", "inputs", "outputs", "platform", "versions", "implementation", "parameters"}


def checkpoint(folder: Path) -> Path:
    """A model as somebody stores it for a platform: its settings, and its weights beside them."""
    shutil.copytree(MODELS / MODEL / "standin", folder / "weights")
    settings = {
        "name": STORED_NAME,
        "implementation": "mlserver_chorus.Classifier",
        "max_batch_size": 64,
        "parameters": {"uri": "./weights"},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))
    return folder


@dataclass(frozen=True)
class Agent:
    """Puts copies of one stored model into the server's folder."""

    stored: Path
    models: Path

    def push(self, name: str, version: str = "1", folder: str | None = None) -> Path:
        """A new folder with the model, renamed; it is named like the model unless told."""
        pushed = self.models / (folder or name)
        shutil.copytree(self.stored, pushed)
        path = pushed / "model-settings.json"
        settings = {key: val for key, val in json.loads(path.read_text()).items() if key in KEPT}
        settings["name"] = name
        settings["parameters"]["version"] = version
        path.write_text(json.dumps(settings))
        return pushed

    def remove(self, name: str) -> None:
        shutil.rmtree(self.models / name)


@dataclass(frozen=True)
class Control:
    """One of the two repository APIs; each call gives the status that REST would."""

    load: Callable[[str], int]
    unload: Callable[[str], int]
    index: Callable[[], dict[str, str]]


def over_rest(client: httpx.Client) -> Control:
    """Without a body, as Seldon's agent asks."""

    def change(verb: str, name: str) -> int:
        path = f"/v2/repository/models/{quote(name, safe='')}/{verb}"
        return client.post(path).status_code

    def index() -> dict[str, str]:
        answer = client.post("/v2/repository/index", json={})
        return {each["name"]: each["state"] for each in answer.raise_for_status().json()}

    return Control(lambda name: change("load", name), lambda name: change("unload", name), index)


def over_grpc(stub: Any) -> Control:
    def status(call: Callable[..., Any], asked: Any) -> int:
        try:
            call(asked, timeout=60)
        except grpc.RpcError as error:
            return STATUSES[error.code()]
        return 200

    def index() -> dict[str, str]:
        answer = stub.RepositoryIndex(pb.RepositoryIndexRequest(), timeout=60)
        return {each.name: each.state for each in answer.models}

    return Control(
        lambda name: status(
            stub.RepositoryModelLoad, pb.RepositoryModelLoadRequest(model_name=name)
        ),
        lambda name: status(
            stub.RepositoryModelUnload, pb.RepositoryModelUnloadRequest(model_name=name)
        ),
        index,
    )
