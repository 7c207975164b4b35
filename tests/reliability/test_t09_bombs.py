"""T09: a small body that unpacks to a large one is refused for what it would become."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Iterator

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.live.protocol import request, rest_path, tensor
from tests.reliability.gateways import gateway_before
from tests.reliability.memory import MIB, peak_growth

PACKED = {"content-type": "application/json", "content-encoding": "gzip"}
GROWTH_MIB = 20


def bomb(size: int) -> bytes:
    """So many zeros, packed a thousandfold."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(size // MIB)), packer.flush()])


@pytest.fixture(scope="module", params=["model server", "gateway"])
def asked(
    request: pytest.FixtureRequest, launch: Launch, faulty: Runtime
) -> Iterator[tuple[Runtime, str]]:
    """A server and a path of it that reads bodies."""
    if request.param == "model server":
        yield faulty, rest_path("left")
        return
    gateway = gateway_before(launch, faulty, "process", CHORUS_DRAIN_DELAY="0")
    yield gateway, "/process"
    assert gateway.terminate() == 0, gateway.log


def post(asked: tuple[Runtime, str], body: bytes, encoding: str = "gzip") -> httpx.Response:
    server, path = asked
    headers = PACKED | {"content-encoding": encoding}
    return httpx.post(f"{server.url}{path}", content=body, headers=headers, timeout=30)


def test_t09_a_bomb_is_refused_before_it_goes_off(asked: tuple[Runtime, str]) -> None:
    packed = bomb(100 * MIB)
    assert len(packed) < 110_000
    post(asked, packed)  # whatever is made once, like threads and caches, is there
    with peak_growth(asked[0].process.pid) as growth:
        response = post(asked, packed)
    assert response.status_code == 413, response.text
    assert "at most" in response.json()["error"]
    assert growth.mib < GROWTH_MIB


@pytest.mark.parametrize(
    ("encoding", "layers", "status"),
    [("gzip, gzip", 2, 415), ("gzip", 2, 400), ("deflate", 1, 400)],
)
def test_t09_a_bomb_in_a_bomb_stays_packed(
    asked: tuple[Runtime, str], encoding: str, layers: int, status: int
) -> None:
    packed = bomb(100 * MIB)
    for _ in range(layers - 1):
        packed = gzip.compress(packed, mtime=0)
    with peak_growth(asked[0].process.pid) as growth:
        response = post(asked, packed, encoding)
    assert response.status_code == status, response.text
    assert growth.mib < GROWTH_MIB


def test_t09_what_is_packed_and_small_is_answered(asked: tuple[Runtime, str]) -> None:
    server, path = asked
    body = b'"hello"' if path == "/process" else json.dumps(request(tensor(["hello"]))).encode()
    for encoding, packed in (
        ("gzip", gzip.compress(body, mtime=0)),
        ("deflate", zlib.compress(body)),
    ):
        response = post((server, path), packed, encoding)
        assert response.status_code == 200, response.text


@pytest.mark.slow
def test_t09_a_bomb_of_a_gigabyte(asked: tuple[Runtime, str]) -> None:
    packed = bomb(1024 * MIB)
    took = []
    with peak_growth(asked[0].process.pid) as growth:
        for _ in range(5):
            started = time.perf_counter()
            assert post(asked, packed).status_code == 413
            took.append(time.perf_counter() - started)
    slowest = max(took) * 1000
    print(f"413 within {slowest:.0f} ms, +{growth.mib:.1f} MiB")  # noqa: T201
    assert growth.mib < GROWTH_MIB
    assert min(took) < 0.2
