"""What unmodified clients once sent, byte for byte, answered by a live gateway as they read it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from tests.chorus_gateway.tasks.samples import PIXEL
from tests.chorus_gateway.tasks.test_schemas import PUBLIC
from tests.clients import files
from tests.clients.schemas import problems
from tests.stack.conftest import Stack

CAPTURED = Path(__file__).parents[1] / "chorus_gateway" / "tasks" / "captured"
CLIENTS = ("hub0", "hub2", "js")
# A probe and a chat are no tasks; these models answer them.
MODELS = {"chat": "conversational", "health_check": "text-classification"}
BINARY = {70: base64.b64decode(PIXEL), 4: files.wav()}
OLD_HUB, JAVASCRIPT = "hf_hub/0.36.2", "@huggingface/inference"


class Record(NamedTuple):
    """A request as it was captured, for one of our models."""

    client: str
    number: int
    method: str
    model: str
    rest: str
    """What follows the model in the path."""
    agent: str
    content_type: str | None
    body: Any

    def __str__(self) -> str:
        return f"{self.client} {self.number}, {self.model}{self.rest}"

    def content(self) -> bytes | None:
        """The body; the file that stood for it where only its length is known."""
        if self.method == "GET":
            return None
        if "<binary>" in self.body:
            return BINARY[self.body["<binary>"]]
        text = json.dumps(self.body)
        # Each model has a word for the mask; ours is a RoBERTa.
        return text.replace("[MASK]", "<mask>").encode()


def records(client: str) -> list[Record]:
    """Every line; the first part of its path says how it was answered then."""
    found = []
    for number, line in enumerate((CAPTURED / f"{client}.jsonl").read_text().splitlines(), 1):
        record = json.loads(line)
        name, *rest = record["path"].split("/")[2:]
        found.append(
            Record(
                client=client,
                number=number,
                method=record["method"],
                model=MODELS.get(name, name),
                rest="".join(f"/{part}" for part in rest),
                agent=record["ua"],
                content_type=record["headers"].get("content-type"),
                body=record["body"],
            )
        )
    return found


RECORDS = [record for client in CLIENTS for record in records(client)]


def test_all_of_them_are_here() -> None:
    assert {client: len(records(client)) for client in CLIENTS} == {
        "hub0": 30,
        "hub2": 30,
        "js": 21,
    }


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_the_client_is_answered_in_its_shape(tasks: Stack, record: Record) -> None:
    headers = {"user-agent": record.agent}
    if record.content_type is not None:
        headers["content-type"] = record.content_type
    url = f"{tasks.url}/models/{record.model}{record.rest}"
    reply = httpx.request(record.method, url, content=record.content(), headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text
    check(record, reply.json())


def check(record: Record, answer: Any) -> None:
    """The shape that this client reads."""
    if record.rest == "/health":
        assert answer["ready"] is True
    elif record.rest:
        (choice,) = answer["choices"]
        text = choice["text"] if "prompt" in record.body else choice["message"]["content"]
        assert isinstance(text, str)
    elif record.model == "zero-shot-classification" and OLD_HUB in record.agent:
        assert answer["sequence"] == record.body["inputs"]
        assert len(answer["labels"]) == len(answer["scores"]) == 2
    elif record.model == "image-to-text" and JAVASCRIPT in record.agent:
        assert problems(record.model, [answer]) == []
    else:
        assert record.model in PUBLIC
        assert problems(record.model, answer) == []
