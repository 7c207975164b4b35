import asyncio
import socket
from collections.abc import Iterator

import httpx
import pytest

from chorus.liveness import NoAnswer, Patience, ask, until_dead

IMPATIENT = Patience(every=0.001, refusals=2, silence=0.05)


def answering(status: int, body: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    )


async def asked(client: httpx.AsyncClient) -> str | None:
    async with client:
        return await ask(client, "http://server/live")


async def test_a_server_that_says_so_lives() -> None:
    assert await asked(answering(200, {"live": True})) is None


async def test_a_server_that_cannot_go_on_says_why() -> None:
    body = {"live": False, "error": "the device failed"}
    assert await asked(answering(503, body)) == "the device failed"


@pytest.mark.parametrize("body", [{}, [], None, "error"])
async def test_a_refusal_needs_no_reason(body: object) -> None:
    assert await asked(answering(503, body)) == "it says so"


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_any_other_answer_is_a_sign_of_life(status: int) -> None:
    assert await asked(answering(status, {"error": "no"})) is None


async def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(NoAnswer):
                await ask(client, f"http://127.0.0.1:{held.getsockname()[1]}/live")


class Server:
    """Says what it is told to, one answer after another, and the last of them for ever."""

    def __init__(self, *answers: str | type[NoAnswer] | None) -> None:
        self._answers: Iterator[str | type[NoAnswer] | None] = iter(answers)
        self._last: str | type[NoAnswer] | None = None
        self.asked = 0

    async def __call__(self) -> str | None:
        self.asked += 1
        self._last = next(self._answers, self._last)
        if isinstance(self._last, type):
            raise self._last
        return self._last


async def test_a_server_is_dead_once_it_has_said_so_twice_in_a_row() -> None:
    server = Server(None, "hangs", None, "hangs", "hangs")
    assert await until_dead(server, IMPATIENT) == "hangs"
    assert server.asked == 5


async def test_silence_between_two_refusals_changes_nothing() -> None:
    server = Server("hangs", NoAnswer, "hangs")
    assert await until_dead(server, IMPATIENT) == "hangs"
    assert server.asked == 3


async def test_a_server_is_dead_after_a_long_silence() -> None:
    assert await until_dead(Server(None, NoAnswer), IMPATIENT) == "it has not answered for 0.05 s"


async def test_a_server_that_answers_now_and_then_lives() -> None:
    server = Server(*(NoAnswer, None) * 200)
    watching = asyncio.create_task(until_dead(server, Patience(every=0.001, silence=10)))
    while server.asked < 100:
        await asyncio.sleep(0.001)
    assert not watching.done()
    watching.cancel()
