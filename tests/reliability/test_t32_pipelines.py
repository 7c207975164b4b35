"""Pipelines that are reloaded and unloaded: nothing accepted is lost, and the memory comes back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.conftest import Launch, Runtime
from tests.live.callers import Clients, clients_of, until
from tests.live.protocol import Json, request, tensor
from tests.live.test_pipeline import picture, texts
from tests.mlserver_chorus.pipelines import checkpoints

STREAMED = "chorus_pipeline_streamed_tokens_total"
GREEDY: Json = {"max_new_tokens": 40, "min_new_tokens": 40, "do_sample": False}
MIB = 2**20
WEIGHTS = 100 * MIB


def large(folder: Path) -> Path:
    """A classifier of WEIGHTS bytes, all of which a forward pass reads: the rest stays on disk."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    checkpoints.classifier(folder)
    width, words = 256, 128
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=WEIGHTS // (2 * 4 * width),
        max_position_embeddings=words,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


MODELS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "sentiment": ("text-classification", checkpoints.classifier),
    "writer": ("text-generation", checkpoints.generator),
    "picture": ("image-classification", checkpoints.image_classifier),
    "large": ("text-classification", large),
}


@pytest.fixture(scope="module")
def server(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    root = tmp_path_factory.mktemp("models")
    for name, (task, maker) in MODELS.items():
        maker(root / name / "weights")
        settings = {
            "name": name,
            "implementation": "mlserver_chorus.Pipeline",
            "parameters": {"uri": "./weights", "extra": {"task": task, "device": -1}},
        }
        (root / name / "model-settings.json").write_text(json.dumps(settings))
    (root / "settings.json").write_text('{"debug": false, "parallel_workers": 0}')
    runtime = launch(root).wait_until_ready(*MODELS)
    yield runtime
    assert runtime.terminate() == 0, runtime.log


def asked_of(model: str) -> Json:
    if model == "picture":
        data = base64.b64encode(picture((400, 300))).decode()
        return request(tensor([data], "inputs", content_type="base64"))
    return request(texts("hello"), **(GREEDY if model == "writer" else {}))


async def change(clients: Clients, verb: str, model: str) -> int:
    async with clients.session.post(f"/v2/repository/models/{model}/{verb}", json={}) as response:
        return response.status


@pytest.mark.slow
async def test_t32_reloading_pipelines_under_load_fails_nobody(server: Runtime) -> None:
    models = ("sentiment", "writer", "picture")
    done = False
    async with clients_of(server) as clients:
        right = {model: (await clients.rest(asked_of(model), model)).results for model in models}
        answered = dict.fromkeys(models, 0)

        async def keep_asking(number: int) -> None:
            model = models[number % len(models)]
            while not done:
                answer = await clients.either(answered[model])(asked_of(model), model)
                assert answer.status == 200, answer
                assert_like(answer.results, right[model])
                answered[model] += 1

        tasks = [asyncio.create_task(keep_asking(number)) for number in range(9)]
        for _ in range(2):
            loads = [change(clients, "load", model) for model in models]
            assert await asyncio.gather(*loads) == [200, 200, 200]
        done = True
        await asyncio.gather(*tasks)
    assert min(answered.values()) > 3


def assert_like(given: list[Any], right: list[Any]) -> None:
    """The same answer; a batch may change the last digits of a number."""
    given, right = (one[0] if isinstance(one[0], list) else one for one in (given, right))
    for ours, theirs in zip(given, right, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            exact = not isinstance(value, float)
            assert value == (theirs[name] if exact else pytest.approx(theirs[name], abs=1e-5))


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_t32_what_a_pipeline_has_accepted_is_answered_before_it_goes(
    server: Runtime, verb: str
) -> None:
    waiting = "chorus_pipeline_inputs_waiting"
    async with clients_of(server) as clients:
        accepted = [
            asyncio.create_task(clients.either(n)(asked_of("writer"), "writer")) for n in range(12)
        ]
        await until(lambda: server.metric(waiting) > 5, "a line before the model")
        assert await change(clients, verb, "writer") == 200
        answers = await asyncio.gather(*accepted)
        assert {answer.status for answer in answers} == {200}
        after = await clients.rest(asked_of("writer"), "writer")
        assert after.status == (404 if verb == "unload" else 200)
        assert await change(clients, "load", "writer") == 200


async def test_t32_a_stream_is_told_to_its_end_by_the_model_it_began_with(server: Runtime) -> None:
    async with clients_of(server) as clients:
        path = "/v2/models/writer/generate_stream"
        async with clients.session.post(path, json=asked_of("writer")) as response:
            first = await response.content.readline()
            reload = asyncio.create_task(change(clients, "load", "writer"))
            rest = await response.content.read()
        assert await reload == 200
    told = [json.loads(line[6:]) for line in (first + rest).split(b"\n") if line]
    assert len(told) == GREEDY["max_new_tokens"]
    assert "generated_text" in told[-1]["outputs"][0]["data"][0]


def rss(server: Runtime) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def test_t32_an_unloaded_model_gives_its_memory_back(server: Runtime) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        url = "/v2/repository/models/large"
        asked = request(texts("hello"))
        assert client.post("/v2/models/large/infer", json=asked).status_code == 200
        loaded = rss(server)
        assert client.post(f"{url}/unload").status_code == 200
        without = rss(server)
        assert client.post(f"{url}/load").status_code == 200
    assert loaded - without > 0.8 * WEIGHTS, f"{loaded / MIB:.0f} to {without / MIB:.0f} MiB"


@pytest.mark.slow
def test_t32_loading_and_unloading_again_and_again_does_not_grow(server: Runtime) -> None:
    sizes = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        url = "/v2/repository/models/large"
        for _ in range(20):
            assert client.post(f"{url}/load").status_code == 200  # a reload, which holds it twice
            asked = client.post("/v2/models/large/infer", json=request(texts("hello")))
            assert asked.status_code == 200
            assert client.post(f"{url}/unload").status_code == 200
            sizes.append(rss(server) // MIB)
            assert client.post(f"{url}/load").status_code == 200
    print(f"MiB after each unload: {sizes}")  # noqa: T201
    assert min(sizes[10:]) - min(sizes[:10]) < 0.3 * WEIGHTS / MIB, sizes
