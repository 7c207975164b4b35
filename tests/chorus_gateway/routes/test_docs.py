from __future__ import annotations

import re

import httpx


async def test_the_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    sources = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert sources
    assert not [url for url in sources if "//" in url]
    for url in sources:
        asset = await client.get(url)
        assert asset.status_code == 200
        assert asset.content
    assert "/openapi.json" in page.text
