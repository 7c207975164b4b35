from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.chorus_gateway.v2_server import V2Server

from chorus_gateway.errors import BadInput, UnknownModel, UnknownTask, UpstreamUnreachable
from chorus_gateway.upstream.deployed_url import DeployedUrls
from chorus_gateway.upstream.served import Served
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams

from .servers import pool_of, sending


@pytest.fixture
async def server() -> AsyncIterator[V2Server]:
    async with V2Server(mine="text-generation", old=None, odd="no-such-task").running() as server:
        yield server


@pytest.fixture
async def served(server: V2Server) -> AsyncIterator[Served]:
    named = {"alias": f"{server.url}/v2/models/mine", "gone": "http://127.0.0.1:1/v2/models/m"}
    async with sending(pool_of(server.url)) as sender:
        upstreams = Upstreams(sender, timeout=5, probe_timeout=5, on_error=lambda _: None)
        yield Served(upstreams, DeployedUrls([server.url], named=named))


async def test_a_model_says_its_task_and_its_weights(served: Served) -> None:
    model = await served.model("mine")
    assert model.require_task().name == "text-generation"
    assert model.target == Target(None, "mine")
    assert model.headers == {"x-chorus-weights": "standin"}


async def test_a_model_is_asked_once(served: Served, server: V2Server) -> None:
    for _ in range(3):
        await served.model("mine")
    assert server.asked == ["mine"]


async def test_a_configured_name(served: Served) -> None:
    assert (await served.model("alias")).target.model == "mine"
    with pytest.raises(UpstreamUnreachable):
        await served.model("gone")


async def test_a_classifier_is_known_by_its_outputs(served: Served) -> None:
    assert (await served.model("old")).task == "text-classification"


async def test_an_ensemble_has_no_task(served: Served, server: V2Server) -> None:
    server.outputs = ("one.label", "one.score")
    with pytest.raises(BadInput, match="old does not say its task"):
        (await served.model("old")).require_task()


async def test_a_task_that_there_is_not(served: Served) -> None:
    with pytest.raises(UnknownTask):
        (await served.model("odd")).require_task()


async def test_an_unknown_name_is_told_the_others(served: Served, server: V2Server) -> None:
    for _ in range(2):
        with pytest.raises(UnknownModel, match=r"served are mine, old, odd, alias, gone$"):
            await served.model("nobody")
    assert server.asked.count("index") == 1


async def test_what_is_no_name(served: Served, server: V2Server) -> None:
    with pytest.raises(BadInput):
        await served.model("a/b")
    assert server.asked == []
