"""T36: whatever URL a caller sends, in either field, nobody inside is connected to or looked up."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from tests.chorus_gateway.outbound.names import Names, made_up
from tests.chorus_gateway.v2_server import V2Server

from .urls import INSIDE, LITERALS
from .watched_gateway import FIELDS, Place, gateway

LISTS = {"nothing": (), "a host": ("a.example",), "wildcards": ("*.example",), "all": ("public",)}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return made_up(monkeypatch)


def variants(url: str, port: int) -> list[str]:
    """The URL, that with the path of a model, and that with the port at which somebody listens."""
    forms = [url, f"{url}v2/models/m/infer"] if url.endswith("/") else [url]
    host = urlsplit(url).netloc if url.endswith("/") and "[" not in url else ""
    if host and ":" not in host:
        forms.append(f"http://{host}:{port}/v2/models/m/infer")
    return forms


async def require_refusal(place: Place, field: str, url: str) -> str:
    response = await place.send(field, url)
    # What is no URL at all is taken for a file in base64.
    statuses = {400} if field == FIELDS[0] or url.lower().startswith("http://") else {400, 415}
    assert response.status_code in statuses, (field, url, response.text)
    assert list(response.json()) == ["error"]
    return str(response.json()["error"])


@pytest.mark.parametrize("entries", LISTS.values(), ids=LISTS)
async def test_t36_literals(entries: tuple[str, ...], names: Names) -> None:
    connected = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        writer.close()

    listener = await asyncio.start_server(count, "127.0.0.1", 0)
    async with gateway(*entries) as place, listener:
        port = listener.sockets[0].getsockname()[1]
        for url in LITERALS:
            for variant in variants(url, port):
                for field in FIELDS:
                    error = await require_refusal(place, field, variant)
                    host = variant[7:20].strip("/")
                    assert len(host) < 5 or host not in error
        assert place.connections == []
        assert place.lookups == []
        assert names.lookups == []
        assert place.own.calls == []
    assert connected == 0


@pytest.mark.parametrize("entries", [(), ("a.example",)], ids=["nothing", "a host"])
async def test_t36_names_that_are_not_listed_are_not_looked_up(
    entries: tuple[str, ...], names: Names
) -> None:
    async with gateway(*entries) as place:
        for field in FIELDS:
            errors = {await require_refusal(place, field, url) for url in INSIDE}
            assert len(errors) == 1, "one sentence for all"
        assert place.connections == place.lookups == names.lookups == []


@pytest.mark.parametrize("field", FIELDS)
async def test_t36_names_that_lead_inside_are_refused_as_those_that_lead_nowhere(
    names: Names, field: str
) -> None:
    for url, address in INSIDE.items():
        names.says(urlsplit(url).netloc, [address])
    async with gateway("public", "*.example") as place:
        errors = [await require_refusal(place, field, url) for url in INSIDE]
        assert len(names.lookups) == len(INSIDE), "one for each"
        errors.append(await require_refusal(place, field, "http://nowhere.example/"))
        errors.append(await require_refusal(place, field, "http://127.0.0.1/"))
        assert len(set(errors)) == 1
        assert place.connections == []


async def test_t36_the_watch_sees_what_is_allowed(names: Names) -> None:
    """What the tests above would see, if it took place."""
    async with V2Server(theirs=None).running() as other:
        names.says("a.example", ["127.0.0.1"])
        async with gateway(f"a.example:{other.port}") as place:
            url = f"http://a.example:{other.port}/v2/models/theirs/infer"
            body = {"hf_pipeline": "fill-mask", "model_deployed_url": url, "inputs": "a"}
            assert (await place.client.post("/predict", json=body)).status_code == 200
            assert place.connections == [("127.0.0.1", other.port)]
            assert names.lookups == ["a.example"]
