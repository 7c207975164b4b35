"""T10: bodies longer than the cap, however they say or hide it, cost no memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.live.protocol import request, rest_path, tensor
from tests.reliability.gateways import gateway_before
from tests.reliability.memory import peak_growth
from tests.reliability.sockets import connected, heard, said, status

CAP = 8 << 20
JSON = {"content-type": "application/json"}
PATHS = [rest_path("left"), "/v2/models/left/generate", "/v2/repository/index"]


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Iterator[Runtime]:
    environment = {"CHORUS_MAX_BODY_BYTES": str(CAP), "CHORUS_DRAIN_DELAY": "0"}
    started = gateway_before(launch, faulty, "process", **environment)
    yield started
    assert started.terminate() == 0, started.log


@pytest.fixture(params=["model server", "gateway"])
def asked(request: pytest.FixtureRequest, faulty: Runtime) -> tuple[Runtime, str]:
    if request.param == "model server":
        return faulty, rest_path("left")
    return request.getfixturevalue("gateway"), "/process"


def head(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: a", "content-type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def chunks(count: int) -> bytes:
    """A body in so many chunks of a byte."""
    return b"1\r\n \r\n" * count + b"0\r\n\r\n"


def text_of(size: int) -> bytes:
    """A request of exactly so many bytes, in texts that may be as long as they are."""
    texts = ["a" * 900_000] * (size // 900_000)
    spare = size - len(json.dumps(request(tensor([*texts, ""]))))
    return json.dumps(request(tensor([*texts, "a" * spare]))).encode()


def test_t10_a_body_of_the_cap_is_answered(faulty: Runtime) -> None:
    body = text_of(CAP)
    assert len(body) == CAP
    response = httpx.post(f"{faulty.url}{PATHS[0]}", content=body, headers=JSON, timeout=60)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", PATHS)
def test_t10_one_byte_more_is_refused(faulty: Runtime, path: str) -> None:
    body = bytes(CAP + 1)

    def pieces() -> Iterator[bytes]:
        with suppress(BrokenPipeError):
            for start in range(0, len(body), 1 << 20):
                yield body[start : start + (1 << 20)]

    for content in (body, pieces()):
        response = httpx.post(f"{faulty.url}{path}", content=content, headers=JSON, timeout=60)
        assert response.status_code == 413, response.text
        assert response.json() == {"error": f"the body must be at most {CAP} bytes"}


def test_t10_a_declared_length_is_enough(asked: tuple[Runtime, str]) -> None:
    """Nothing of the body has been sent when the answer comes."""
    server, path = asked
    with connected(server.ports.http) as caller:
        said(caller, head(path, "content-length: 99999999999", "connection: close"))
        assert status(heard(caller)) == 413


def test_t10_what_is_behind_a_lying_length_is_no_body(asked: tuple[Runtime, str]) -> None:
    server, path = asked
    with connected(server.ports.http) as caller:
        said(caller, head(path, "content-length: 2") + b'"a"' + b"a" * 1000)
        answer = heard(caller)
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 4") >= 1


@pytest.mark.parametrize("lengths", [("2", "3"), ("-1",), ("1e3",), ("0x5",), ("2, 3",)])
def test_t10_a_length_that_is_none_is_refused(
    asked: tuple[Runtime, str], lengths: tuple[str, ...]
) -> None:
    server, path = asked
    with connected(server.ports.http) as caller:
        said(caller, head(path, *(f"content-length: {length}" for length in lengths)) + b'"a"')
        assert status(heard(caller)) == 400


def test_t10_more_chunks_than_anybody_needs(asked: tuple[Runtime, str]) -> None:
    server, path = asked
    with connected(server.ports.http) as caller:
        said(caller, head(path, "transfer-encoding: chunked") + chunks(65_537))
        answer = heard(caller)
    assert status(answer) == 413
    assert b'{"error":' in answer


@pytest.mark.slow
def test_t10_a_hundred_million_chunks(asked: tuple[Runtime, str]) -> None:
    server, path = asked
    body = chunks(1_000_000)

    def send(_: int) -> int:
        with connected(server.ports.http) as caller:
            said(caller, head(path, "transfer-encoding: chunked") + body)
            return status(heard(caller))

    with ThreadPoolExecutor(10) as callers:
        list(callers.map(send, range(20)))  # what ten callers at once need is there from now on
        with peak_growth(server.process.pid) as growth:
            statuses = list(callers.map(send, range(100)))
    print(f"statuses {set(statuses)}, +{growth.mib:.1f} MiB, {growth.kept_mib:.1f} kept")  # noqa: T201
    assert set(statuses) <= {0, 413}  # 0: reset while it was still sending
    assert statuses.count(413) >= 90
    assert growth.kept_mib < 1
    assert growth.mib < 20
