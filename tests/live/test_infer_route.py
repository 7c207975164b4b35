"""The short way to inference answers as the framework's does, which `/generate` still takes."""

from __future__ import annotations

import gzip
import json
import math
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import Runtime

JSON = {"content-type": "application/json"}


def body(*texts: str, **more: Any) -> bytes:
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
    return json.dumps({"inputs": [tensor], **more}).encode()


REQUESTS: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "one text": ("process", body("hello"), JSON),
    "many texts": ("process", body(*(f"text {n}" for n in range(40))), JSON),
    "own id": ("svalabs", body("hello", id="mine 👍"), JSON),
    "wanted outputs": ("svalabs", body("hello", outputs=[{"name": "score"}]), JSON),
    "options": ("svalabs", body("hello", parameters={"top_k": 2}), JSON),
    "wrong option": ("svalabs", body("hello", parameters={"top_k": "x"}), JSON),
    "content type with charset": (
        "svalabs",
        body("hello"),
        {"content-type": "application/json; charset=utf-8"},
    ),
    "no content type": ("svalabs", body("hello"), {}),
    "another content type": ("svalabs", body("hello"), {"content-type": "text/plain"}),
    "zipped body": (
        "svalabs",
        gzip.compress(body("hello"), mtime=0),
        {**JSON, "content-encoding": "gzip"},
    ),
    "zipped reply": (
        "process",
        body(*(f"text {n}" for n in range(40))),
        {**JSON, "accept-encoding": "gzip"},
    ),
    "unknown model": ("nobody", body("hello"), JSON),
    "unknown version": ("svalabs/versions/9", body("hello"), JSON),
    "quoted name": ("sval%61bs", body("hello"), JSON),
    "not JSON": ("svalabs", b"{", JSON),
    "empty": ("svalabs", b"", JSON),
    "not UTF-8": ("svalabs", b'{"inputs": "\xff"}', JSON),
    "a list": ("svalabs", b"[]", JSON),
    "null": ("svalabs", b"null", JSON),
    "no inputs": ("svalabs", b"{}", JSON),
    "no data": ("svalabs", b'{"inputs": [{"name": "a", "shape": [1]}]}', JSON),
    "data of another type": ("svalabs", body("hello").replace(b'["hello"]', b"7"), JSON),
    "shape that lies": ("svalabs", body("hello").replace(b"[1]", b"[2]"), JSON),
    "deep": ("svalabs", b"[" * 2000 + b"]" * 2000, JSON),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_both_ways_say_the_same(client: httpx.Client, name: str) -> None:
    model, content, headers = REQUESTS[name]
    short, long = (
        client.build_request(
            "POST", f"/v2/models/{model}/{verb}", content=content, headers=_only(headers)
        )
        for verb in ("infer", "generate")
    )
    ours, theirs = client.send(short), client.send(long)
    assert ours.status_code == theirs.status_code
    for header in ("content-type", "content-encoding"):
        assert ours.headers.get(header) == theirs.headers.get(header)
    assert_alike(ours.json(), theirs.json(), fresh_id="id" not in json_or_nothing(content))


def assert_alike(ours: dict[str, Any], theirs: dict[str, Any], fresh_id: bool) -> None:
    """Equal, but for an id that the server made up and the rounding of another batch."""
    if fresh_id and "id" in theirs:
        assert ours.pop("id")
        assert theirs.pop("id")
    mine, other = ours.pop("outputs", []), theirs.pop("outputs", [])
    assert ours == theirs
    for one, two in zip(mine, other, strict=True):
        values, expected = one.pop("data"), two.pop("data")
        assert one == two
        if one["datatype"] == "FP32":
            assert all(
                math.isclose(a, b, abs_tol=1e-5) for a, b in zip(values, expected, strict=True)
            )
        elif not values[0].startswith("{"):
            assert values == expected


def json_or_nothing(content: bytes) -> Any:
    try:
        return json.loads(content) or {}
    except (ValueError, RecursionError):
        return {}


def _only(headers: dict[str, str]) -> dict[str, str]:
    return {"accept-encoding": "identity", **headers}


def test_the_servers_own_metrics_count_it(client: httpx.Client, runtime: Runtime) -> None:
    """What MLServer calls its route, with the status; names of models are no labels."""
    statuses = {"200": body("hello"), "400": b"{"}
    before = {status: counted(runtime, status) for status in statuses}
    for content in statuses.values():
        client.post("/v2/models/svalabs/infer", content=content, headers=JSON)
    after = {status: counted(runtime, status) for status in statuses}
    assert {status: after[status] - before[status] for status in statuses} == {"200": 1, "400": 1}


def counted(runtime: Runtime, status: str) -> float:
    labels = {
        "method": "POST",
        "path": "/v2/models/{model_name}/infer",
        "status_code": status,
        "app_name": "mlserver",
    }
    exposition = httpx.get(f"http://127.0.0.1:{runtime.ports.metrics}/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == "rest_server_requests_total" and sample.labels == labels
    )
