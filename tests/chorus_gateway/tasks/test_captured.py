"""What unmodified clients send, as recorded: each is understood and can be sent on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.chorus_gateway.tasks.samples import with_media

from chorus_gateway.tasks import wire
from chorus_gateway.tasks.request import parse, parse_raw
from chorus_gateway.tasks.shapes import Shape, prepared
from chorus_gateway.tasks.table import find

CAPTURED = Path(__file__).parent / "captured"


def requests(client: str) -> list[tuple[str, Any]]:
    """Task and body of each request for a task; chats and probes have routes of their own."""
    lines = (CAPTURED / f"{client}.jsonl").read_text().splitlines()
    paths = [(record["path"].split("/")[2:], record["body"]) for record in map(json.loads, lines)]
    return [(path[0], body) for path, body in paths if len(path) == 1]


@pytest.mark.parametrize(("client", "count"), [("hub0", 28), ("hub2", 28), ("js", 19)])
def test_every_request_can_be_sent_on(client: str, count: int) -> None:
    found = requests(client)
    assert len(found) == count
    for name, body in found:
        task = find(name)
        if "<binary>" in body:
            request = parse_raw(task, b"x" * body["<binary>"], {})
        else:
            request = parse(task, body, {})
        for shape in Shape:
            encoded = orjson.loads(wire.encode(with_media(prepared(request, shape))))
            assert encoded["inputs"], name
