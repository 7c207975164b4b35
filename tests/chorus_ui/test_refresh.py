"""What a browser is told of what has changed at the gateway; real ones look in tests/browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import httpx
import pytest

from chorus_ui import notices
from chorus_ui.gateway import Gateway, Model
from chorus_ui.refresh import Group, Refresh, Seen, TaskTab

GPT = Model("gpt", "text-generation", "hub", "org/gpt", "0123456789abcdef")
OTHER = Model("other", "text-generation", "standin", standin="random")


class Listing:
    """The gateway's answer to the next question."""

    def __init__(self) -> None:
        self.status = 200
        self.models: Sequence[Model] = ()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        listed = [vars(model) for model in self.models]
        body = {"models": listed} if self.status == 200 else {"error": "no"}
        return httpx.Response(self.status, json=body)


@pytest.fixture
def listing() -> Listing:
    return Listing()


@pytest.fixture
def refresh(listing: Listing) -> Refresh:
    gateway = Gateway("http://gateway", httpx.MockTransport(listing))
    with gr.Blocks(), gr.Tabs() as outer:
        with gr.Tab("Classifiers", id="process") as first:
            notice = gr.HTML()
        with (
            gr.Tab("Writing", id="writing") as writing,
            gr.Tabs() as inner,
            gr.Tab("Write", id="text-generation") as tab,
        ):
            models, about = gr.Dropdown([]), gr.HTML()
            key, banner = gr.Textbox(), gr.HTML()
        group = Group(writing, inner, [TaskTab("text-generation", tab, models, about)])
        return Refresh(gateway, key, banner, outer, (first, notice), [group])


async def update(refresh: Refresh, seen: Seen | None, chosen: str | None = None) -> dict[str, Any]:
    """What is sent to the browser, by name."""
    above = ("seen", "banner", "key", "outer", "process", "process_notice")
    names = (*above, "group", "inner", "tab", "models", "notice")
    values = await refresh._refresh("", seen, chosen)
    return dict(zip(names, values, strict=True))


async def test_the_tabs_follow_the_models(refresh: Refresh, listing: Listing) -> None:
    listing.models = [GPT, Model("process", standin="trained")]
    told = await update(refresh, None)
    assert told["process"]["visible"]
    assert "stand-ins" in told["process_notice"]
    assert told["group"]["visible"]
    assert told["tab"]["visible"]
    assert told["models"]["value"] == "gpt"
    assert not told["models"]["visible"]
    assert "org/gpt" in told["notice"]
    assert told["banner"] == ""


async def test_the_first_tab_that_there_is_is_open(refresh: Refresh, listing: Listing) -> None:
    listing.models = [GPT]
    told = await update(refresh, Seen())
    assert told["outer"]["selected"] == "writing"
    assert told["inner"]["selected"] == "text-generation"
    listing.models = [GPT, OTHER, Model("process")]
    told = await update(refresh, told["seen"])
    assert told["outer"] == told["inner"] == gr.skip()
    listing.models = [Model("process")]
    assert (await update(refresh, told["seen"]))["outer"]["selected"] == "process"


async def test_nothing_is_sent_when_nothing_has_changed(refresh: Refresh, listing: Listing) -> None:
    listing.models = [GPT]
    seen = (await update(refresh, None))["seen"]
    again = await update(refresh, seen, "gpt")
    assert all(value == gr.skip() for value in again.values())


async def test_a_choice_is_kept_while_its_model_is_there(
    refresh: Refresh, listing: Listing
) -> None:
    listing.models = [GPT, OTHER]
    told = await update(refresh, Seen((GPT,)), "other")
    assert told["models"]["value"] == "other"
    assert "random" in told["notice"]
    listing.models = [GPT]
    assert (await update(refresh, told["seen"], "other"))["models"]["value"] == "gpt"
    listing.models = []
    gone = await update(refresh, told["seen"], "gpt")
    assert not gone["tab"]["visible"]
    assert "chorus serve" in gone["banner"]


async def test_the_tabs_stay_while_the_gateway_does_not_answer(
    refresh: Refresh, listing: Listing
) -> None:
    listing.status = 503
    told = await update(refresh, Seen((GPT,)), "gpt")
    assert "cannot answer" in told["banner"]
    assert told["seen"].models == (GPT,)
    assert told["tab"] == gr.skip()
    assert not told["key"]["visible"]


async def test_a_key_is_asked_for_where_one_is_missing(refresh: Refresh, listing: Listing) -> None:
    listing.status = 401
    told = await update(refresh, None)
    assert told["key"]["visible"]
    assert "API key" in told["banner"]


def test_a_real_model_is_described_and_no_stand_in() -> None:
    assert notices.of("gpt", [GPT, OTHER]) == (
        '<p class="chorus-model">gpt · org/gpt · 0123456789ab</p>'
    )
    assert "content means nothing" in notices.of("other", [GPT, OTHER])
    assert notices.of(None, [GPT]) == ""
