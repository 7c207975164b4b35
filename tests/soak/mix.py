"""Who comes: a row per kind of client, with its share of the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import NamedTuple

from tests.soak.clients import bad, crashing, good, leaving
from tests.soak.target import Outcome, Target


class Kind(NamedTuple):
    """A kind of client."""

    name: str
    share: float
    ask: Callable[[Target, Random], Awaitable[Outcome]]


MIX: Sequence[Kind] = (
    Kind("good /process", 0.40, good.process),
    Kind("good REST", 0.20, good.rest),
    Kind("good gRPC", 0.16, good.grpc_),
    Kind("bad gateway", 0.04, bad.gateway),
    Kind("bad REST", 0.04, bad.rest),
    Kind("bad gRPC", 0.039, bad.grpc_),
    Kind("bad, 9 MiB", 0.001, bad.huge),
    Kind("leaving /process", 0.03, leaving.process),
    Kind("leaving REST", 0.02, leaving.rest),
    Kind("leaving gRPC", 0.01, leaving.grpc_),
    Kind("deadline gRPC", 0.01, leaving.deadline),
    Kind("crashing gateway", 0.02, crashing.gateway),
    Kind("crashing REST", 0.02, crashing.rest),
    Kind("crashing gRPC", 0.01, crashing.grpc_),
)
"""Three quarters are answered; every fourth is there to do harm."""


def is_timed(kind: Kind) -> bool:
    """Whether its latency is the server's: who is refused or gives up says nothing of it."""
    return kind.name.startswith("good")


def someone(random: Random) -> Kind:
    """The next to come."""
    (kind,) = random.choices(MIX, [kind.share for kind in MIX])
    return kind
