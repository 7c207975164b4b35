"""T38: wherever an answer sends the gateway, it does not go there."""

from __future__ import annotations

import pytest
from tests.chorus_gateway.media.site import serving

from .watched_gateway import FIELDS, gateway

STATUSES = ("300", "301", "302", "303", "307", "308", "399")
ELSEWHERE = (
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "//127.0.0.1/",
    "unix:///run/a.sock",
    "/again",  # twenty hops would be one: it answers the same
    "",
    "\\\\host\\share",
)


@pytest.mark.parametrize("field", FIELDS)
async def test_t38_another_server_is_never_reached(field: str) -> None:
    async with serving() as first, serving() as second:
        listed = [f"http://127.0.0.1:{one.port}" for one in (first, second)]
        async with gateway(*listed) as place:  # even where it might go
            for status in STATUSES:
                first.says(
                    b"", f"{status} Elsewhere", f"location: {listed[1]}/v2/models/m/infer\r\n"
                )
                response = await place.send(field, f"{listed[0]}/v2/models/m/infer")
                assert response.status_code == 502
            assert set(place.connections) == {("127.0.0.1", first.port)}
    assert (len(first.requests), second.connections) == (len(STATUSES), 0)


@pytest.mark.parametrize("field", FIELDS)
async def test_t38_nor_is_anything_else(field: str) -> None:
    async with serving() as site:
        listed = f"http://127.0.0.1:{site.port}"
        async with gateway(listed) as place:
            for there in ELSEWHERE:
                site.says(b"", "302 Found", f"location: {there}\r\nrefresh: 0; url={there}\r\n")
                response = await place.send(field, f"{listed}/v2/models/m/infer")
                assert response.status_code == 502
                assert not there or there not in response.text
            assert set(place.connections) == {("127.0.0.1", site.port)}
            assert place.lookups == []
    assert len(site.requests) == len(ELSEWHERE)
