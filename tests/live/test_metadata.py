"""What a server says about its models, held against what they then answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from mlserver.grpc import dataplane_pb2 as pb
from tests.conftest import checkpoint, served_models
from tests.live.oracle import CLASSIFIERS, TEXTS, distribution
from tests.live.protocol import Json, Rest, request, tensor


def metadata(client: httpx.Client, model: str) -> Json:
    found: Json = client.get(f"/v2/models/{model}").raise_for_status().json()
    return found


def test_every_model_of_the_repository_is_served() -> None:
    assert served_models() == sorted([*CLASSIFIERS, "process"])


@pytest.mark.parametrize("model", served_models())
def test_declared_tensors_are_those_of_an_inference(client: httpx.Client, model: str) -> None:
    declared = metadata(client, model)
    (text,) = declared["inputs"]
    asked = request(
        tensor(list(TEXTS[:3]), text["name"], datatype=text["datatype"]),
        outputs=[output["name"] for output in declared["outputs"]],
    )
    answer = Rest(client).infer(asked, model)
    assert answer.status == 200, answer.error
    assert _fits(list(asked["inputs"][0]["shape"]), text["shape"])
    for output in declared["outputs"]:
        given = answer.outputs[output["name"]]
        assert given.datatype == output["datatype"]
        assert given.content_type == output.get("parameters", {}).get("content_type")
        assert _fits(given.shape, output["shape"])


def _fits(shape: list[int], declared: list[int]) -> bool:
    """-1 is any number."""
    sizes = zip(shape, declared, strict=True)
    return all(size == wanted or wanted == -1 for size, wanted in sizes)


@pytest.mark.parametrize("model", served_models())
def test_versions_and_platform(client: httpx.Client, model: str) -> None:
    declared = metadata(client, model)
    assert declared["name"] == model
    assert declared["versions"] == []
    assert declared["platform"] == "pytorch_transformers"


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_parameters_describe_the_weights(client: httpx.Client, model: str) -> None:
    parameters = metadata(client, model)["parameters"]
    kind = "standin" if checkpoint(model).name == "standin" else "folder"
    assert parameters["weights"] == kind
    assert parameters.get("standin") == ("trained" if kind == "standin" else None)
    assert model in parameters["checkpoint"]
    assert str(checkpoint(model).parent) not in str(parameters), "no path of ours"
    assert sorted(parameters["labels"].split(",")) == sorted(distribution(model, TEXTS[0]))
    assert parameters["max_tokens"] == 512


def test_ensemble_names_its_members_and_their_weights(client: httpx.Client) -> None:
    parameters = metadata(client, "process")["parameters"]
    assert parameters["members"] == ",".join(CLASSIFIERS)
    member = metadata(client, "cardiffnlp")["parameters"]
    assert parameters["weights"] == member["weights"]
    assert parameters.get("standin") == member.get("standin")


@pytest.mark.parametrize("model", served_models())
def test_grpc_metadata_is_that_of_rest(client: httpx.Client, stub: Any, model: str) -> None:
    declared = metadata(client, model)
    told = stub.ModelMetadata(pb.ModelMetadataRequest(name=model), timeout=30)
    assert (told.name, list(told.versions), told.platform) == (
        declared["name"],
        declared["versions"],
        declared["platform"],
    )
    for mine, theirs in ((told.inputs, declared["inputs"]), (told.outputs, declared["outputs"])):
        assert [(t.name, t.datatype, list(t.shape)) for t in mine] == [
            (t["name"], t["datatype"], t["shape"]) for t in theirs
        ]
    assert _parameters(told) == {k: str(v) for k, v in declared["parameters"].items()}


def _parameters(told: Any) -> dict[str, str]:
    values = MessageToDict(told).get("parameters", {})
    return {name: str(*value.values()) for name, value in values.items()}


def test_server_and_models_are_ready(client: httpx.Client, stub: Any) -> None:
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 200
    assert stub.ServerLive(pb.ServerLiveRequest(), timeout=30).live
    assert stub.ServerReady(pb.ServerReadyRequest(), timeout=30).ready
    for model in served_models():
        assert client.get(f"/v2/models/{model}/ready").status_code == 200
        assert stub.ModelReady(pb.ModelReadyRequest(name=model), timeout=30).ready


def test_repository_index_lists_every_model(client: httpx.Client) -> None:
    index = client.post("/v2/repository/index", json={}).json()
    assert {item["name"] for item in index if item["state"] == "READY"} == set(served_models())
