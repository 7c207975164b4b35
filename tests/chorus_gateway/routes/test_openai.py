from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.chorus_gateway.v2_server import V2Server, generated

HI = [{"role": "user", "content": "Hi"}]
COMPLETIONS = "/models/generator/v1/completions"
CHAT = "/models/generator/v1/chat/completions"


def chunks(response: httpx.Response) -> list[Any]:
    *found, done = [line[6:] for line in response.text.splitlines() if line]
    assert done == "[DONE]"
    return [json.loads(line) for line in found]


async def test_a_completion(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.events = list(generated("a", " b"))
    response = await tasks.post(COMPLETIONS, json={"prompt": "Hi", "max_tokens": 2})
    answer = response.json()
    assert answer["model"] == "generator"
    assert answer["choices"][0]["text"] == "a b"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    path, sent = v2.calls[0]
    assert path == "/v2/models/generator/generate_stream"
    assert sent["inputs"][0]["data"] == ["Hi"]


async def test_several_choices(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.events = list(generated("a", "b"))
    body = {"prompt": ["x", "y"], "n": 2, "echo": True}
    answer = (await tasks.post(COMPLETIONS, json=body)).json()
    assert [choice["text"] for choice in answer["choices"]] == ["xab", "xab", "yab", "yab"]
    assert answer["usage"] == {"prompt_tokens": 6, "completion_tokens": 8, "total_tokens": 14}


async def test_a_stop_is_not_shown(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.events = list(generated("one E", "ND", reason="stop"))
    answer = (await tasks.post(COMPLETIONS, json={"prompt": "Hi", "stop": "END"})).json()
    (choice,) = answer["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("one ", "stop")


async def test_a_chat(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.events = list(generated("Hello"))
    answer = (await tasks.post(CHAT, json={"messages": HI, "model": "ignored"})).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello"}
    (tensor,) = v2.calls[0][1]["inputs"][:1]
    assert [json.loads(one) for one in tensor["data"]] == [HI]


@pytest.mark.parametrize("include_usage", [True, False])
async def test_a_chat_as_a_stream(
    tasks: httpx.AsyncClient, v2: V2Server, include_usage: bool
) -> None:
    v2.events = list(generated("a", "b"))
    options = {"stream": True, "stream_options": {"include_usage": include_usage}}
    response = await tasks.post(CHAT, json={"messages": HI, **options})
    assert response.headers["content-type"].startswith("text/event-stream")
    found = chunks(response)
    assert [one["usage"]["total_tokens"] for one in found if "usage" in one] == [5] * include_usage
    texts = [one["choices"][0]["delta"]["content"] for one in found if one["choices"]]
    assert texts == ["a", "b"]


async def test_an_error_ends_a_stream_without_done(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.events = [*generated("a", "b")[:1], b"data: garbage\n\n"]
    response = await tasks.post(COMPLETIONS, json={"prompt": "Hi", "stream": True})
    last = response.text.strip().splitlines()[-1]
    assert "error" in json.loads(last[6:])
    assert "[DONE]" not in response.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (COMPLETIONS, {"prompt": "Hi", "logprobs": 3}),
        (COMPLETIONS, {}),
        (CHAT, {"messages": []}),
        (CHAT, {"messages": HI, "tools": [{}]}),
        ("/models/classifier/v1/completions", {"prompt": "Hi"}),
    ],
)
async def test_refusals(
    tasks: httpx.AsyncClient, v2: V2Server, path: str, body: dict[str, Any]
) -> None:
    response = await tasks.post(path, json=body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert v2.calls == []
