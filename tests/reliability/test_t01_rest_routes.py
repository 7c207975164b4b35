"""T01: methods, paths, media types, encodings and heads, on every route of the V2 port."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import httpx
import pytest
from tests.conftest import Runtime
from tests.live.protocol import request, rest_answer, rest_path, tensor
from tests.reliability.rows import CANARY, assert_refused

JSON = {"content-type": "application/json"}
INFER = rest_path("left")
BODY = json.dumps(request(tensor(["hello"]))).encode()
# Every route that takes a body.
POSTS = [
    *(f"/v2/models/left/{verb}" for verb in ("infer", "generate", "infer_stream")),
    "/v2/models/left/generate_stream",
    "/v2/repository/index",
]


@pytest.fixture(scope="module")
def rest(faulty: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=faulty.url, timeout=30) as opened:
        yield opened


def refused(response: httpx.Response, status: int, words: str = "") -> None:
    assert response.headers["content-type"] == "application/json"
    assert_refused(rest_answer(response.status_code, response.json()), words, status)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", INFER, 405, "POST"),
        ("DELETE", "/v2/models/left", 405, "GET"),
        ("POST", "/v2/health/ready", 405, "GET"),
        ("PUT", "/v2/models/left/ready", 405, "GET"),
        ("OPTIONS", "/v2", 405, "GET"),
        ("GET", f"/v3/{CANARY}", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/v2/", 404, None),
        ("POST", f"{INFER}/", 404, None),
        ("POST", f"/v2/models/left/{CANARY}", 404, None),
        ("GET", "/v2/models/nobody", 404, None),
        ("GET", "/v2/models/nobody/ready", 404, None),
        ("GET", "/v2/models/left/versions/1", 404, None),
        ("GET", "/v2/models/left/versions/1/ready", 404, None),
        ("POST", "/v2/models/nobody/generate_stream", 404, None),
        ("POST", "/v2/repository/models/nobody/load", 404, None),
        ("POST", "/v2/repository/models/nobody/unload", 404, None),
        ("GET", "/v2/models/..%2f..%2fetc/ready", 404, None),
        ("GET", f"/v2/models/{'n' * 10_000}", 404, None),
    ],
)
def test_t01_wrong_method_or_path(
    rest: httpx.Client, method: str, path: str, status: int, allow: str | None
) -> None:
    response = rest.request(method, path)
    refused(response, status)
    assert response.headers.get("allow") == allow


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
@pytest.mark.parametrize("path", POSTS)
def test_t01_other_media_types_are_refused(
    rest: httpx.Client, path: str, content_type: str
) -> None:
    response = rest.post(path, content=BODY, headers={"content-type": content_type})
    refused(response, 415, "Content-Type must be application/json")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/x+json", None],
)
@pytest.mark.parametrize("verb", ["infer", "generate"])
def test_t01_json_by_any_name_is_answered(
    rest: httpx.Client, verb: str, content_type: str | None
) -> None:
    """Triton's HTTP client names none."""
    headers = {"content-type": content_type} if content_type else {}
    response = rest.post(f"/v2/models/left/{verb}", content=BODY, headers=headers)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("br", BODY, 415),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), 415),
        ("gzip", BODY, 400),
        ("gzip", gzip.compress(BODY, mtime=0)[:-9], 400),
        ("gzip", gzip.compress(BODY, mtime=0) + b"more", 400),
        ("deflate", BODY, 400),
    ],
    ids=["br", "twice", "no gzip", "cut off", "more behind it", "no deflate"],
)
def test_t01_wrong_encodings_are_refused(
    rest: httpx.Client, path: str, encoding: str, body: bytes, status: int
) -> None:
    refused(rest.post(path, content=body, headers={**JSON, "content-encoding": encoding}), status)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", BODY),
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
    ],
)
@pytest.mark.parametrize("verb", ["infer", "generate"])
def test_t01_packed_bodies_are_answered(
    rest: httpx.Client, verb: str, encoding: str, body: bytes
) -> None:
    headers = {**JSON, "content-encoding": encoding}
    response = rest.post(f"/v2/models/left/{verb}", content=body, headers=headers)
    assert response.status_code == 200, response.text


def test_t01_a_head_of_70_kilobytes_is_refused(rest: httpx.Client) -> None:
    refused(rest.get("/v2", headers={"x-long": "a" * 70_000}), 431)
    refused(rest.get("/v2", params={"long": "a" * 20_000}), 431)
    assert rest.get("/v2", headers={"x-long": "a" * 15_000}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/left/ready", {"name": "left", "ready": True}),
    ],
)
def test_t01_health_has_a_body(rest: httpx.Client, path: str, body: dict[str, object]) -> None:
    assert rest.get(path).json() == body


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/models/left/ready"])
def test_t01_head_is_get_without_a_body(rest: httpx.Client, path: str) -> None:
    asked, told = rest.head(path), rest.get(path)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == str(len(told.content))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": true}'])
def test_t01_the_index_needs_no_body(rest: httpx.Client, body: bytes) -> None:
    models = rest.post("/v2/repository/index", content=body).json()
    assert {model["name"] for model in models} == {"left", "right", "process"}
