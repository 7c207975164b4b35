"""Keys, as the gateway asks for them; every route by sockets is in tests/reliability."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.chorus_gateway.conftest import FakeTransport

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings, SettingsError, load
from chorus_http.access.keys import KeysError

KEY, OTHER, ADMIN = "one-key-of-16-chars", "another-key-of-that", "the-key-of-an-admin"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
async def keyed(transport: FakeTransport) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_validate({"api_keys": f"{KEY},{OTHER}", "admin_keys": ADMIN})
    at = httpx.ASGITransport(create_app(settings, transport), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=at, base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize("path", ["/process", "/process/", "/predict", "/models/process"])
async def test_the_short_way_and_the_long_one_take_keys(
    keyed: httpx.AsyncClient, transport: FakeTransport, path: str
) -> None:
    for headers in ({}, bearer("nobody's")):
        refused = await keyed.post(path, json="a", headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert list(refused.json()) == ["error"]
    assert transport.requests == []
    assert (await keyed.post(path, json="a", headers=bearer(KEY))).status_code not in (401, 403)


async def test_refusals_are_counted_without_a_route(keyed: httpx.AsyncClient) -> None:
    for path in ("/process", "/unknown", "/models/a-name-of-a-caller"):
        await keyed.post(path, json="a")
    page = (await keyed.get("/metrics", headers=bearer(ADMIN))).text
    assert 'requests_total{method="POST",route="other",status="401"} 3.0' in page
    assert "a-name" not in page


async def test_keys_of_the_environment_have_the_usual_limits(transport: FakeTransport) -> None:
    settings = Settings.model_validate({"api_keys": f"{KEY},{OTHER}", "rate_limit": "1/hour"})
    at = httpx.ASGITransport(create_app(settings, transport))
    async with httpx.AsyncClient(transport=at, base_url="http://gateway") as client:
        asked = [await client.post("/process", json="a", headers=bearer(k)) for k in (KEY, KEY)]
        asked.append(await client.post("/process", json="a", headers=bearer(OTHER)))
        assert [answer.status_code for answer in asked] == [200, 429, 200]


async def test_the_documentation_says_that_a_key_is_needed(keyed: httpx.AsyncClient) -> None:
    schema = (await keyed.get("/openapi.json", headers=bearer(ADMIN))).json()
    assert schema["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path in ("/process", "/predict", "/models/{name}", "/metrics"):
        for operation in schema["paths"][path].values():
            assert operation["security"] == [{"HTTPBearer": []}]
            assert {"401", "403"} <= operation["responses"].keys()


async def test_without_keys_it_does_not(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    assert "securitySchemes" not in schema["components"]


async def test_no_answer_is_kept_but_what_says_so_itself(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/unknown", "/process", "/docs", "/"):
        assert (await client.get(path)).headers["cache-control"] == "no-store"
    asset = await client.get("/docs/favicon.png")
    assert asset.headers.get_list("cache-control") == ["public, max-age=86400"]


def test_keys_are_in_no_words_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEYS", "ADMIN_KEYS", "UPSTREAM_KEY"):
        monkeypatch.setenv(f"CHORUS_{name}", f"{KEY}-{name}")
    settings = load()
    assert settings.keys.enabled
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.keys!r}"
    monkeypatch.setenv("CHORUS_PORT", "none")
    with pytest.raises(SettingsError) as caught:
        load()
    assert KEY not in str(caught.value)


def test_a_wrong_key_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_API_KEYS", "short")
    with pytest.raises(KeysError, match="CHORUS_API_KEYS: a key needs at least 16") as caught:
        _ = load().keys
    assert "short" not in str(caught.value)
