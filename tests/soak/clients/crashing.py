"""Clients that die: half a request, or a whole one whose answer nobody reads, then a reset."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from random import Random

from tests.live.protocol import request, rest_path, tensor
from tests.soak.target import HOST, Outcome, Target

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LONGEST_S = 0.05
GONE = Outcome("gone", True)


async def gateway(target: Target, random: Random) -> Outcome:
    """Die while talking to the gateway."""
    body = json.dumps(random.choice(target.truths).text).encode()
    return await _die(target.ports.gateway, _cut(_post("/process", body), random), random)


async def rest(target: Target, random: Random) -> Outcome:
    """Die while talking V2 REST."""
    truth = random.choice(target.truths)
    path = rest_path(random.choice(list(truth.rows)))
    body = json.dumps(request(tensor([truth.text]))).encode()
    return await _die(target.ports.v2, _cut(_post(path, body), random), random)


async def grpc_(target: Target, random: Random) -> Outcome:
    """Die while talking HTTP/2, or garbage, to the port of gRPC."""
    sent = random.choice([PREFACE, PREFACE[:9], b"", random.randbytes(64)])
    return await _die(target.ports.grpc, sent, random)


def _post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _cut(sent: bytes, random: Random) -> bytes:
    """Half of the time the whole request, else what comes before some byte of it."""
    return sent if random.random() < 1 / 2 else sent[: random.randrange(len(sent))]


async def _die(port: int, sent: bytes, random: Random) -> Outcome:
    _, writer = await asyncio.open_connection(HOST, port)
    connection: socket.socket = writer.get_extra_info("socket")
    if (
        random.random() < 1 / 2
    ):  # a process that is killed closes, a machine that is not there resets
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    writer.write(sent)
    await asyncio.sleep(random.uniform(0, LONGEST_S))
    writer.transport.abort()
    return GONE
