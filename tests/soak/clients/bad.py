"""Clients that ask for nonsense, and must be told so in the documented words."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

import aiohttp
import grpc
from tests.live.protocol import Json, message, rest_path, tensor
from tests.soak.target import PATIENCE_S, Outcome, Target

CUT = "cut"
"""The server closed before it had read all: a refusal may come early."""


class Http(NamedTuple):
    """A request over HTTP that cannot be answered; `?` in a path becomes a new name each time."""

    path: str
    body: bytes
    told: frozenset[str]
    content_type: str = "application/json"


def _told(*statuses: str) -> frozenset[str]:
    return frozenset(statuses)


def _body(text: str) -> bytes:
    return text.encode()


TEXT = '{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["hello"]}'
LIE = '{"name": "text", "shape": [3], "datatype": "BYTES", "data": ["hello"]}'
MODEL = "MODEL"
"""Stands for a model that is served."""

GATEWAY = (
    Http("/process", b'{"text', _told("400")),
    Http("/process", b"", _told("400")),
    Http("/process", b"42", _told("422")),
    Http("/process", b'"' + b"x" * (1 << 20) + b'"', _told("413", CUT)),
    Http("/process", b'"hello"', _told("415"), "text/plain"),
    Http("/models/?", b'{"inputs": "hello"}', _told("404")),
    Http("/?", b"{}", _told("404")),
    Http("/predict", b'{"inputs": "hello"}', _told("400", "422")),
)
V2 = (
    Http(rest_path(MODEL), b'{"inputs": [', _told("400")),
    Http(rest_path(MODEL), b'{"inputs": []}', _told("400")),
    Http(rest_path(MODEL), _body(f'{{"inputs": [{LIE}]}}'), _told("400")),
    Http(
        rest_path(MODEL),
        _body(f'{{"inputs": [{TEXT}], "parameters": {{"top_k": 0}}}}'),
        _told("400"),
    ),
    Http(rest_path(MODEL), b"[" * 200 + b"]" * 200, _told("400")),
    Http(rest_path("?"), _body(f'{{"inputs": [{TEXT}]}}'), _told("404")),
    Http(rest_path(MODEL, "?"), _body(f'{{"inputs": [{TEXT}]}}'), _told("404")),
    Http("/v2/?", b"{}", _told("404")),
)
HUGE = Http(rest_path(MODEL), b" " * (9 << 20), _told("413", CUT))


async def gateway(target: Target, random: Random) -> Outcome:
    """A bad request to the gateway."""
    return await _send(target, target.gateway, random.choice(GATEWAY), random)


async def rest(target: Target, random: Random) -> Outcome:
    """A bad request over V2 REST."""
    return await _send(target, target.v2, random.choice(V2), random)


async def huge(target: Target, random: Random) -> Outcome:
    """A body above every limit."""
    return await _send(target, target.v2, HUGE, random)


async def grpc_(target: Target, random: Random) -> Outcome:
    """A bad request over V2 gRPC."""
    model = random.choice(list(target.truths[0].rows))
    asked, told = random.choice(_grpc(model, _name(random)))
    try:
        await target.stub.ModelInfer(asked, timeout=PATIENCE_S)
    except grpc.RpcError as error:
        return Outcome(error.code().name, error.code() is told, error=error.details() or "")
    return Outcome("OK", False)


def _grpc(model: str, unknown: str) -> list[tuple[Any, grpc.StatusCode]]:
    good: Json = {"inputs": [tensor(["hello"])]}
    lie: Json = {"inputs": [tensor(["hello"], shape=[3])]}
    cut = message(good, model, raw=True)
    cut.raw_input_contents[0] = cut.raw_input_contents[0][:-2]
    return [
        (message(lie, model), grpc.StatusCode.INVALID_ARGUMENT),
        (message({"inputs": []}, model), grpc.StatusCode.INVALID_ARGUMENT),
        (cut, grpc.StatusCode.INVALID_ARGUMENT),
        (message(good, unknown), grpc.StatusCode.NOT_FOUND),
        (message(good, model, unknown), grpc.StatusCode.NOT_FOUND),
    ]


async def _send(target: Target, url: str, bad: Http, random: Random) -> Outcome:
    served = random.choice(list(target.truths[0].rows))
    path = bad.path.replace("?", _name(random)).replace(MODEL, served)
    headers: Mapping[str, str] = {"content-type": bad.content_type}
    try:
        async with target.session.post(f"{url}{path}", data=bad.body, headers=headers) as reply:
            body = await reply.json()
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        return Outcome(CUT, CUT in bad.told)
    wrong = "" if isinstance(body, dict) and "error" in body else "a refusal without its error"
    said = str(reply.status)
    return Outcome(said, said in bad.told, wrong, error=str(body))


def _name(random: Random) -> str:
    """New every time: a server must not remember every name it has been asked for."""
    return f"unknown-{random.getrandbits(48):x}"
