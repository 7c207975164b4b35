"""POST /process through the whole stack."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import aiohttp
import httpx
import pytest

from .conftest import ROOT, Stack

HAPPY = "This is how true happiness looks like 👍😜"
KEYS = ["cardiffnlp", "ivanlau", "svalabs", "EIStakovskii", "jy46604790"]
JSON = {"Content-Type": "application/json"}

SENTENCES = [
    HAPPY,
    "",
    "I love this movie",
    "This is the worst service I have ever had",
    "Guten Morgen, wie geht es Ihnen?",
    "¿Dónde está la biblioteca?",
    "これはペンです",
    "你好，世界",
    "Привет, как дела?",
    "Bonjour tout le monde",
    "Win free bitcoin now http://x.example",
    "a\x00b\x1f \u202eright to left\u202c",
    "word " * 900,
]


def texts(count: int, seed: int = 1) -> list[str]:
    """Different texts of different lengths."""
    rng = random.Random(seed)
    return [
        f"{rng.choice(SENTENCES)[:200]} {i} {'and so on ' * rng.randint(0, 12)}"
        for i in range(count)
    ]


async def ask(session: aiohttp.ClientSession, stack: Stack, text: str) -> dict[str, Any]:
    async with session.post(f"{stack.url}/process", data=json.dumps(text), headers=JSON) as reply:
        assert reply.status == 200, await reply.text()
        answer: dict[str, Any] = await reply.json()
        return answer


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert list(one) == list(other) == KEYS
    for key in KEYS:
        assert one[key]["label"] == other[key]["label"]
        assert one[key]["score"] == pytest.approx(other[key]["score"], abs=1e-5)


def test_the_first_example_of_the_readme(stack: Stack) -> None:
    reply = httpx.post(f"{stack.url}/process", content=json.dumps(HAPPY), headers=JSON)
    answer = reply.json()
    assert reply.status_code == 200
    assert reply.headers["x-chorus-weights"] == "standin"
    assert list(answer) == KEYS
    assert answer["cardiffnlp"]["label"] == "POSITIVE"
    assert answer["ivanlau"]["label"] == "English"
    assert answer["svalabs"]["label"] == "HAM"
    assert all(0 < answer[key]["score"] <= 1 for key in KEYS)


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    """What transformers' own pipelines say of SENTENCES, in the words of /process."""
    from transformers import pipeline

    members = json.loads((ROOT / "models/process/model-settings.json").read_text())
    members = members["parameters"]["extra"]["members"]
    answers: dict[str, dict[str, Any]] = {text: {} for text in SENTENCES}
    for key in KEYS:
        classify = pipeline(
            "text-classification", model=str(ROOT / "models" / key / "standin"), device="cpu"
        )
        for text in SENTENCES:
            (best,) = classify([text], truncation=True, max_length=512)
            shown = members[key].get("labels", {})
            answers[text][key] = {**best, "label": shown.get(best["label"], best["label"])}
    return answers


@pytest.mark.parametrize("path", ["/process", "/process/"])
def test_answers_are_the_pipelines(
    stack: Stack, expected: dict[str, dict[str, Any]], path: str
) -> None:
    for text, answer in expected.items():
        reply = httpx.post(f"{stack.url}{path}", content=json.dumps(text), headers=JSON)
        assert_same(reply.json(), answer)


async def test_answers_are_the_pipelines_among_63_others(
    stack: Stack, expected: dict[str, dict[str, Any]]
) -> None:
    async with aiohttp.ClientSession() as session:
        for text, answer in expected.items():
            crowd = [text, *texts(63)]
            replies = await asyncio.gather(*(ask(session, stack, t) for t in crowd))
            assert_same(replies[0], answer)


async def test_200_callers_at_once_each_get_their_own_answer(stack: Stack) -> None:
    asked = texts(200, seed=2)
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector) as session:
        alone = [await ask(session, stack, text) for text in asked]
        for number in range(20):
            order = random.Random(number).sample(range(200), 200)
            together = await asyncio.gather(*(ask(session, stack, asked[i]) for i in order))
            for i, answer in zip(order, together, strict=True):
                assert_same(answer, alone[i])


async def test_callers_that_leave_hurt_nobody(stack: Stack) -> None:
    asked = texts(90, seed=3)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        alone = [await ask(session, stack, text) for text in asked]
        tasks = [asyncio.create_task(ask(session, stack, text)) for text in asked]
        await asyncio.sleep(0.01)
        for task in tasks[::3]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    for i, answer in enumerate(answers):
        if i % 3:
            assert not isinstance(answer, BaseException)
            assert_same(answer, alone[i])


def test_health_and_documentation(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/healthz").status_code == 200
    ready = httpx.get(f"{stack.url}/readyz").json()
    assert ready["ready"] is True
    assert all(ready["models"][name] for name in (*KEYS, "process"))
    assert "/process" in httpx.get(f"{stack.url}/openapi.json").json()["paths"]
    assert httpx.get(f"{stack.url}/docs").status_code == 200
    metrics = httpx.get(f"{stack.url}/metrics").text
    assert 'chorus_gateway_requests_total{method="POST",route="/process",status="200"}' in metrics
    engine = httpx.get(f"http://127.0.0.1:{stack.ports[3]}/metrics").text
    assert "chorus_engine_batch_rows_count" in engine


@pytest.mark.parametrize(
    ("body", "status"),
    [("{}", 422), ("", 400), ("x", 400), ("3", 422), ('"' + "x" * 2**21 + '"', 413)],
)
def test_anything_but_a_text_is_refused(stack: Stack, body: str, status: int) -> None:
    reply = httpx.post(f"{stack.url}/process", content=body, headers=JSON)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
