"""Bytes that no HTTP library would send: refused or closed, by servers that then live on."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import Sequence
from random import Random

import httpx
import pytest
from tests.conftest import Launch, Runtime, unexpected
from tests.reliability.gateways import gateway_before
from tests.reliability.http1 import Request, post
from tests.reliability.mutations import MUTATIONS, Case, case_of
from tests.reliability.seeds import VARIABLE, fresh_seed, quick_seed

AT_ONCE = 48
PATIENCE = 0.25
"""Seconds for an answer; then the client says that it will send no more."""
GIVE_UP = 20.0
"""Seconds until a server that neither answers nor closes counts as hung."""
INFER = json.dumps({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]})
logger = logging.getLogger(__name__)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def v2_requests() -> list[Request]:
    return [
        post(b"/v2/models/left/infer", INFER.encode()),
        post(b"/v2/models/process/infer", INFER.encode()),
        post(b"/v2/repository/index", b"{}"),
        Request(b"GET", b"/v2/models/left"),
        Request(b"GET", b"/v2/health/ready"),
    ]


def gateway_requests() -> list[Request]:
    return [
        post(b"/process", b'"a text"'),
        post(
            b"/predict",
            b'{"hf_pipeline":"text-classification","model_deployed_url":"left","inputs":["a","b"]}',
        ),
        post(b"/models/left", b'{"inputs":"a text"}'),
        Request(b"GET", b"/classify?sentence=a+text&model=left"),
        Request(b"GET", b"/readyz"),
    ]


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Runtime:
    return gateway_before(launch, faulty, "process")


@pytest.mark.parametrize("server", ["model server", "gateway"])
def test_t05_raw_sockets(faulty: Runtime, gateway: Runtime, server: str) -> None:
    fuzz({"model server": faulty, "gateway": gateway}[server], server, quick_seed(), cases=150)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["model server", "gateway"])
def test_t05_5000_cases(faulty: Runtime, gateway: Runtime, server: str) -> None:
    fuzz({"model server": faulty, "gateway": gateway}[server], server, fresh_seed(), cases=5000)


def test_t05_every_mutation_is_drawn() -> None:
    random = Random(quick_seed())
    drawn = {case_of(random, v2_requests()).name for _ in range(500)}
    assert drawn == set(MUTATIONS)


def fuzz(server: Runtime, kind: str, seed: int, cases: int) -> None:
    random = Random(seed)
    requests = v2_requests() if kind == "model server" else gateway_requests()
    drawn = [case_of(random, requests) for _ in range(cases)]
    logged = len(server.log)
    answers = asyncio.run(_all(server.ports.http, drawn))
    problems: dict[str, list[str]] = {}
    for case, answer in zip(drawn, answers, strict=True):
        if problem := verdict(case, answer):
            seen = f"{case.name}: sent {_shown(case)}; got {answer and answer[:300]!r}"
            problems.setdefault(problem, []).append(seen)
    statuses = Counter(
        status for one in answers for status in (_STATUS.findall(one or b"") or [b"none"])
    )
    logger.info("%d cases: %s", cases, dict(statuses))
    shown = "\n".join(f"{len(seen)} times {what}: {seen[0]}" for what, seen in problems.items())
    assert not problems, f"{VARIABLE}={seed}, {cases} cases\n{shown}"
    assert server.process.poll() is None
    ready = "/v2/health/ready" if kind == "model server" else "/readyz"
    assert httpx.get(f"{server.url}{ready}").status_code == 200
    assert not unexpected(server.log[logged:])


def verdict(case: Case, answer: bytes | None) -> str:
    """What is wrong with what came back; nothing if it is right."""
    if answer is None:
        return "hangs"
    statuses = [int(s) for s in _STATUS.findall(answer) if not s.startswith(b"1")]
    if any(status >= 500 or 300 <= status < 400 for status in statuses):
        return f"status {max(statuses)}"
    if case.right and statuses != [200] * case.right:
        return f"{case.right} times 200 were due"
    if case.most is not None and len(statuses) > case.most:
        return f"{len(statuses)} answers to {case.most}"
    return "" if all(map(_is_error, _refusals(answer))) else 'an error without {"error"}'


def _refusals(answer: bytes) -> list[bytes]:
    """Bodies of the answers of 4xx, where there are any: HEAD has none."""
    answers = re.split(rb"(?=HTTP/1\.1 \d{3} )", answer)
    parts = [one.partition(b"\r\n\r\n") for one in answers if one.startswith(b"HTTP/1.1 4")]
    return [body for _, _, body in parts if body]


def _is_error(body: bytes) -> bool:
    try:
        error = json.loads(body)
    except ValueError:
        return False
    return isinstance(error, dict) and isinstance(error.get("error"), str)


async def _all(port: int, cases: Sequence[Case]) -> list[bytes | None]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> bytes | None:
        async with turn:
            return await _send(port, case)

    return await asyncio.gather(*map(one, cases))


async def _send(port: int, case: Case) -> bytes | None:
    """What comes back until the server closes; None if it never does."""
    received = bytearray()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(GIVE_UP):
            await _converse(reader, writer, case, received)
    except ConnectionError:
        pass  # closed with something of ours unread
    except TimeoutError:
        return None
    finally:
        writer.transport.abort()
    return bytes(received)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, case: Case, received: bytearray
) -> None:
    for part in case.parts:
        writer.write(part)
        await writer.drain()
    try:
        async with asyncio.timeout(PATIENCE if not case.right else None):
            while len(_STATUS.findall(bytes(received))) < max(case.right, 1):
                if not (chunk := await reader.read(65536)):
                    return
                received += chunk
    except TimeoutError:
        pass
    writer.write_eof()
    while chunk := await reader.read(65536):
        received += chunk


def _shown(case: Case) -> str:
    data = b"|".join(case.parts)
    return repr(data if len(data) < 700 else data[:600] + b"..." + data[-50:])
