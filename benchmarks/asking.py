"""Asking a running peer: each text alone first, then under load with every reply compared."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence

from benchmarks.answers import Answers, agree
from benchmarks.peers.base import Peer
from benchmarks.peers.process import NotReady
from chorus.load.address import LOOPBACK, loopback
from chorus.load.connection import Call, Check, Text, post

ALONE_SECONDS = 60.0
UNREADABLE = (KeyError, TypeError, IndexError, ValueError)

Alone = list[list[Answers]]
"""What a server says to each text, and to each of the text's requests, with nothing else to do."""


def answer_alone(peer: Peer, port: int, texts: Sequence[str]) -> Alone:
    """Ask one request at a time. Raises NotReady where the answer is not 200 or unreadable."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ALONE_SECONDS)
    answers = []
    try:
        for text in texts:
            parts = []
            for part, (path, body) in enumerate(peer.posts(text)):
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                content = reply.read()
                if reply.status != 200:
                    raise NotReady(f"{peer.name}: {path} {reply.status} {content[:300]!r}")
                parts.append(peer.read(part, content))
            answers.append(parts)
    except (OSError, http.client.HTTPException, *UNREADABLE) as error:
        raise NotReady(f"{peer.name}: no answer to text {len(answers)}: {error!r}") from error
    finally:
        connection.close()
    return answers


def calls(
    peer: Peer,
    port: int,
    texts: Sequence[str],
    alone: Alone,
    also: Callable[[Answers], bool] = lambda answers: True,
) -> list[Text]:
    """The texts as a load generator sends them.

    Each reply must agree with what the same server said alone, and pass `also`.
    """
    return [
        tuple(
            Call(post(path, body, loopback(port)), _check(peer, part, expected[part], also))
            for part, (path, body) in enumerate(peer.posts(text))
        )
        for text, expected in zip(texts, alone, strict=True)
    ]


def joined(parts: Sequence[Answers]) -> Answers:
    """All of a text's answers in one."""
    return {key: value for part in parts for key, value in part.items()}


def _check(peer: Peer, part: int, expected: Answers, also: Callable[[Answers], bool]) -> Check:
    def check(body: bytes) -> bool:
        try:
            answers = peer.read(part, body)
        except UNREADABLE:
            return False
        return agree(answers, expected) and also(answers)

    return check
