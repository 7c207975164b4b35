"""Whether a server still lives, by its own word or by its silence."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

Ask = Callable[[], Awaitable[str | None]]
"""Why a server has to be started again, in its own words, or None. Raises NoAnswer."""


class NoAnswer(Exception):
    """The server has said nothing at all."""


@dataclass(frozen=True)
class Patience:
    """How soon a server is given up on."""

    every: float = 2.0  # seconds between two questions
    refusals: int = 2  # in a row; one may be of a moment that has passed
    silence: float = 30.0  # seconds; a machine under load answers late, and that is no illness


async def ask(client: httpx.AsyncClient, url: str) -> str | None:
    """The server's own answer: 503 and a reason where it cannot go on. Raises NoAnswer."""
    try:
        reply = await client.get(url)
    except httpx.HTTPError:
        raise NoAnswer from None
    if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return None
    try:
        return str(reply.json()["error"])
    except (ValueError, KeyError, TypeError):
        return "it says so"


async def until_dead(ask: Ask, patience: Patience) -> str:
    """Wait until a server has to be started again; the reason."""
    loop = asyncio.get_running_loop()
    refusals, heard = 0, loop.time()
    while True:
        await asyncio.sleep(patience.every)
        try:
            problem = await ask()
        except NoAnswer:
            if loop.time() - heard >= patience.silence:
                return f"it has not answered for {patience.silence:g} s"
            continue
        heard = loop.time()
        refusals = refusals + 1 if problem else 0
        if problem and refusals >= patience.refusals:
            return problem
