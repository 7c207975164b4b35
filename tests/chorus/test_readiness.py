from collections.abc import Sequence

import httpx

from chorus.readiness import Readiness
from chorus.runtime import Runtime

FIRST = Runtime("runtime", "cpu", "127.0.0.1", 1, 2, 3)
SECOND = Runtime("runtime-2", "cpu", "127.0.0.1", 4, 5, 6)


async def test_a_model_counts_as_ready_once_every_process_has_it() -> None:
    loaded = {(1, "a"), (1, "b"), (4, "a")}
    seen: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        model = request.url.path.split("/")[3]
        return httpx.Response(200 if (request.url.port, model) in loaded else 503)

    def note(ready: Sequence[str], total: int) -> None:
        assert total == 2
        seen.append(list(ready))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        readiness = Readiness(client, "127.0.0.1:7", [FIRST, SECOND], ["a", "b"], note)
        assert await readiness.runtime(FIRST)
        assert seen == []
        assert not await readiness.runtime(SECOND)
        assert seen == [["a"]]
        loaded.add((4, "b"))
        assert await readiness.runtime(SECOND)
    assert seen == [["a"], ["a", "b"]]


async def test_only_the_models_that_were_not_ready_are_asked_for_again() -> None:
    loaded = {"a"}
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.split("/")[3])
        return httpx.Response(200 if asked[-1] in loaded else 404)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        readiness = Readiness(client, "127.0.0.1:7", [FIRST], ["a", "b", "c"], lambda *_: None)
        assert not await readiness.runtime(FIRST)
        loaded.add("b")
        assert not await readiness.runtime(FIRST)
        assert sorted(asked) == ["a", "b", "b", "c", "c"]


async def test_a_process_that_is_started_again_has_no_model_ready() -> None:
    loaded = {"a", "b"}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.url.path.split("/")[3] in loaded else 404)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        readiness = Readiness(client, "127.0.0.1:7", [FIRST], ["a", "b"], lambda *_: None)
        assert await readiness.runtime(FIRST)
        loaded.remove("a")
        assert not await readiness.runtime(FIRST)
        assert not await readiness.runtime(FIRST)
        loaded.add("a")
        assert await readiness.runtime(FIRST)
