"""T06: what would keep a parser busy is refused before it gets there, over both servers."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.live.protocol import request, rest_path, tensor
from tests.reliability.gateways import gateway_before

JSON = {"content-type": "application/json"}
HEAVY: dict[str, bytes] = {
    "depth 101": b"[" * 101 + b"]" * 101,
    "depth 101, objects": b'{"a":' * 101 + b"1" + b"}" * 101,
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "depth 100,000, unclosed": b'{"a":[' * 50_000,
    "number of a million digits": b'{"inputs": ' + b"9" * 1_000_000 + b"}",
    "100,000 keys": json.dumps(dict.fromkeys(map(str, range(100_000)), 0)).encode(),
    "100,000 parameters": json.dumps(
        {"inputs": [], "parameters": dict.fromkeys(map(str, range(100_000)), 0)}
    ).encode(),
    "2,000,000 arrays": b"[" + b"[]," * 2_000_000 + b"0]",
}
RIGHT = json.dumps(request(tensor(["[{" * 1000, '"' * 1000, ":" * 40_000]))).encode()
ROUTES = [rest_path("left"), "/v2/models/left/generate_stream", "/v2/repository/index"]


@pytest.fixture(scope="module")
def rest(faulty: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=faulty.url, timeout=30) as opened:
        yield opened


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Iterator[httpx.Client]:
    environment = {"CHORUS_MAX_BODY_BYTES": str(8 << 20), "CHORUS_DRAIN_DELAY": "0"}
    started = gateway_before(launch, faulty, "process", **environment)
    with httpx.Client(base_url=started.url, timeout=30) as opened:
        yield opened
    assert started.terminate() == 0, started.log


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("name", HEAVY)
def test_t06_heavy_json_is_refused(rest: httpx.Client, name: str, path: str) -> None:
    response = rest.post(path, content=HEAVY[name], headers=JSON)
    assert response.status_code == 400, response.text
    assert response.json()["error"].startswith(("body", "inputs"))
    assert response.elapsed.total_seconds() < 5


@pytest.mark.parametrize("path", ["/process", "/predict", "/models/left"])
@pytest.mark.parametrize("name", HEAVY)
def test_t06_heavy_json_is_refused_by_the_gateway(
    gateway: httpx.Client, name: str, path: str
) -> None:
    response = gateway.post(path, content=HEAVY[name], headers=JSON)
    assert response.status_code in {400, 404}, response.text
    assert set(response.json()) == {"error"}
    assert response.elapsed.total_seconds() < 5


def test_t06_packed_it_is_no_lighter(rest: httpx.Client) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    packed = gzip.compress(HEAVY["depth 100,000"], mtime=0)
    assert rest.post(rest_path("left"), content=packed, headers=headers).status_code == 400


def test_t06_texts_may_look_heavy(rest: httpx.Client) -> None:
    assert rest.post(rest_path("left"), content=RIGHT, headers=JSON).status_code == 200


@pytest.mark.slow
def test_t06_refusals_are_quick(rest: httpx.Client) -> None:
    """Each within 50 ms, as its caller sees it; printed for the record."""
    took = {}
    for name, body in HEAVY.items():
        started = time.perf_counter()
        for _ in range(5):
            rest.post(rest_path("left"), content=body, headers=JSON)
        took[name] = (time.perf_counter() - started) / 5 * 1000
    print({name: f"{milliseconds:.0f} ms" for name, milliseconds in took.items()})  # noqa: T201
    assert all(milliseconds < 500 for milliseconds in took.values())
