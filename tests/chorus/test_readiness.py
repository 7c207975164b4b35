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
