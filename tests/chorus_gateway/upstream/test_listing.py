"""Which models can be asked by name, over real sockets to real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from tests.chorus_gateway.v2_server import V2Server

from chorus_discovery.services import Service
from chorus_gateway.discovery.servers import Servers
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream import listing
from chorus_gateway.upstream.deployed_url import DeployedUrls
from chorus_gateway.upstream.listing import Listing
from chorus_gateway.upstream.served import Served
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams

from .servers import pool_of, sending

MANY = 3000


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FRESH_SECONDS", 0.05)


@pytest.fixture
async def own() -> AsyncIterator[V2Server]:
    async with V2Server(second="fill-mask", first="text-generation").running() as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[V2Server]:
    async with V2Server(theirs="summarization", more="translation").running() as server:
        yield server


@asynccontextmanager
async def listed(
    own: str, named: dict[str, str] | None = None, cluster: Servers | None = None
) -> AsyncIterator[Listing]:
    async with sending(pool_of(own)) as sender:
        upstreams = Upstreams(sender, timeout=5, probe_timeout=5, on_error=lambda _: None)
        urls = DeployedUrls([own], named=named, cluster=cluster)
        yield Listing(Served(upstreams, urls), upstreams, urls)


async def names(models: Listing) -> list[str]:
    return [model.name for model in await models.models()]


async def until(models: Listing, wanted: list[str]) -> None:
    deadline = time.monotonic() + 30
    while (found := await names(models)) != wanted:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def test_ours_by_name_and_only_those_that_are_ready(own: V2Server) -> None:
    async with listed(own.url) as models:
        found = await models.models()
        assert [(model.name, model.task) for model in found] == [
            ("first", "text-generation"),
            ("second", "fill-mask"),
        ]
        own.states["first"] = "UNAVAILABLE"
        await until(models, ["second"])
        own.states["first"] = "READY"
        await until(models, ["first", "second"])


async def test_however_many_ask_a_server_is_asked_once(own: V2Server) -> None:
    async with listed(own.url) as models:
        await asyncio.gather(*(models.models() for _ in range(50)))
    assert sorted(own.asked) == ["first", "index", "second"]


async def test_configured_names_are_where_they_lead(own: V2Server, other: V2Server) -> None:
    named = {
        "alias": f"{other.url}/v2/models/theirs",
        "first": f"{other.url}/v2/models/more",
        "gone": f"{other.url}/v2/models/nothing",
        "which": other.url,
    }
    async with listed(own.url, named) as models:
        found = {model.name: model.task for model in await models.models()}
        assert found == {
            "alias": "summarization",
            "first": "translation",  # as POST /models/first is
            "second": "fill-mask",
        }
        other.states["more"] = "UNAVAILABLE"
        await until(models, ["alias", "second", "which"])


async def test_a_server_without_an_index_is_asked_for_each_model(
    own: V2Server, other: V2Server
) -> None:
    other.lists = False
    other.states["more"] = "UNAVAILABLE"
    named = {name: f"{other.url}/v2/models/{name}" for name in ("theirs", "more")}
    async with listed(own.url, named | {"which": other.url}) as models:
        assert await names(models) == ["first", "second", "theirs"]


async def test_models_of_the_cluster(own: V2Server, other: V2Server) -> None:
    here = Origin("http", "127.0.0.1", other.port)

    class Nearby(Servers):
        """Its servers are on this machine, where those of a cluster must not be."""

        def model(self, name: str) -> Target | None:
            found = super().model(name)
            return found and replace(found, origin=here)

    cluster = Nearby()
    service = Service("n", "s", other.port, addresses=("127.0.0.1",), models=None)
    cluster.replace({"n/s": service}, "n")
    origin = cluster.to_ask()["n/s"]
    async with listed(own.url, cluster=cluster) as models:
        assert await names(models) == ["first", "second"]
        cluster.found("n/s", origin, ["theirs", "more"])
        await until(models, ["first", "more", "second", "theirs"])


async def test_who_is_silent_is_left_out_and_fails_nobody(
    own: V2Server, other: V2Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "DEADLINE_SECONDS", 0.3)
    other.speaks.clear()
    named = {
        "hangs": f"{other.url}/v2/models/theirs",
        "away": "http://127.0.0.1:1/v2/models/m",
    }
    async with listed(own.url, named) as models:
        await until(models, ["first", "second"])
        other.speaks.set()
        await until(models, ["first", "hangs", "second"])


async def test_while_ours_is_away_the_others_are_there(other: V2Server) -> None:
    async with listed("http://127.0.0.1:1", {"a": f"{other.url}/v2/models/theirs"}) as models:
        assert await names(models) == ["a"]


async def test_a_model_that_has_described_itself_may_be_slow_to_repeat_it(
    own: V2Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chorus_gateway.upstream.served.SECONDS", 0.0)
    async with listed(own.url) as models:
        assert await names(models) == ["first", "second"]
        del own.tasks["first"]  # it is ready, and says nothing of itself
        await asyncio.sleep(listing.FRESH_SECONDS + 0.1)
        assert await names(models) == ["first", "second"]


async def test_thousands_of_names_are_asked_a_few_at_a_time() -> None:
    many = V2Server(**dict.fromkeys(map("m{}".format, range(MANY)), "fill-mask"))
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(many.running())
        named = {f"a{n}": f"{many.url}/v2/models/m{n}" for n in range(MANY)}
        models = await opened.enter_async_context(listed("http://127.0.0.1:1", named))
        begun = time.monotonic()
        first = await names(models)
        # Twice should do; the machine may be busy.
        assert time.monotonic() - begun < 10 * listing.DEADLINE_SECONDS
        assert first
        assert many.asked.count("index") == 1
        await until(models, sorted(named))
