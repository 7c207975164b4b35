"""Pipelines behind a real server: transformers' answers, nobody else's, and refusals in words."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from PIL import Image
from tests.conftest import Launch, Runtime, unexpected
from tests.live.callers import Clients, clients_of, until
from tests.live.protocol import (
    Answer,
    Grpc,
    Json,
    Rest,
    Transport,
    grpc_refusal,
    message,
    option,
    request,
    tensor,
)
from tests.mlserver_chorus.pipelines import checkpoints
from tests.monitoring.exported import exported, missing, used

MODELS = {
    "sentiment": ("text-classification", checkpoints.classifier),
    "zero": ("zero-shot-classification", checkpoints.entailment),
    "writer": ("text-generation", checkpoints.generator),
    "chat": ("conversational", checkpoints.generator),
    "picture": ("image-classification", checkpoints.image_classifier),
}
GREEDY: Json = {"max_new_tokens": 8, "do_sample": False}
LONG: Json = {"max_new_tokens": 900, "min_new_tokens": 900, "do_sample": False}
CHAT = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    made = {}
    for name, (task, maker) in MODELS.items():
        folder = root / name
        made[name] = maker(folder / "weights")
        settings = {
            "name": name,
            "implementation": "mlserver_chorus.Pipeline",
            "parameters": {"uri": "./weights", "extra": {"task": task, "device": -1}},
        }
        (folder / "model-settings.json").write_text(json.dumps(settings))
    (root / "settings.json").write_text(
        json.dumps({"debug": False, "parallel_workers": 0, "gzip_enabled": False})
    )
    return made


@pytest.fixture(scope="module")
def server(launch: Launch, folders: dict[str, Path]) -> Iterator[Runtime]:
    root = next(iter(folders.values())).parents[1]
    runtime = launch(root).wait_until_ready(*MODELS)
    yield runtime
    assert runtime.terminate() == 0, runtime.log


@pytest.fixture(params=["REST", "gRPC", "raw gRPC"])
def asked(request: pytest.FixtureRequest, server: Runtime) -> Iterator[Transport]:
    with (
        httpx.Client(base_url=server.url, timeout=60) as client,
        grpc.insecure_channel(server.grpc_address) as channel,
    ):
        stub = GRPCInferenceServiceStub(channel)
        kinds: dict[str, Transport] = {
            "REST": Rest(client),
            "gRPC": Grpc(stub),
            "raw gRPC": Grpc(stub, raw=True),
        }
        yield kinds[request.param]


@cache
def _pipeline(task: str, folder: Path) -> Any:
    from transformers import pipeline

    return pipeline(task, model=str(folder), device="cpu")


@pytest.fixture
def alone(folders: dict[str, Path]) -> Any:
    """What transformers answers to one input: `alone(model, input, **options)`."""

    def ask(model: str, one: Any, **options: Any) -> Any:
        return _pipeline(MODELS[model][0], folders[model])(one, **options)

    return ask


def texts(*values: str, name: str = "array_inputs") -> Json:
    return tensor(list(values), name, content_type="str")


def picture(size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, format="PNG")
    return file.getvalue()


# -------------------------------------------------------------------------------- parity


def test_texts(asked: Transport, alone: Any) -> None:
    answer = asked.infer(request(texts("hello", "bad day")), "sentiment")
    output = answer.outputs["output"]
    assert (output.datatype, output.shape, output.content_type) == ("BYTES", [2, 1], "hg_jsonlist")
    for given, text in zip(answer.results, ("hello", "bad day"), strict=True):
        (expected,) = alone("sentiment", text)
        assert given["label"] == expected["label"]
        assert given["score"] == pytest.approx(expected["score"], abs=1e-5)


def test_args_with_top_k_is_flat(asked: Transport) -> None:
    answer = asked.infer(
        request(texts("hello", name="args"), option("top_k", 2, "INT64")), "sentiment"
    )
    assert answer.outputs["output"].shape == [2, 1]
    assert set(answer.results[0]) == {"label", "score"}


def test_generation(asked: Transport, alone: Any) -> None:
    asked_for = [
        option(name, value, "INT64" if name != "do_sample" else "BOOL")
        for name, value in GREEDY.items()
    ]
    answer = asked.infer(request(texts("hello", "you"), *asked_for), "writer")
    assert answer.results == [alone("writer", text, **GREEDY) for text in ("hello", "you")]


def test_conversations(asked: Transport, alone: Any) -> None:
    given = tensor([json.dumps(CHAT)], "array_inputs", content_type="hg_jsonlist")
    (answered,) = asked.infer(request(given, **GREEDY), "chat").results
    assert answered[:-1] == CHAT
    assert answered[-1]["role"] == "assistant"


@pytest.mark.parametrize("how", ["pillow_image", "base64", None])
def test_images(asked: Transport, alone: Any, how: str | None) -> None:
    data = base64.b64encode(picture()).decode()
    answer = asked.infer(request(tensor([data], "inputs", content_type=how)), "picture")
    expected = alone("picture", Image.open(io.BytesIO(picture())))
    assert [row["label"] for row in answer.results[0]] == [row["label"] for row in expected]
    for row, right in zip(answer.results[0], expected, strict=True):
        assert row["score"] == pytest.approx(right["score"], abs=1e-5)


def test_metadata(server: Runtime) -> None:
    told = httpx.get(f"{server.url}/v2/models/zero").json()
    assert told["platform"] == "pytorch_transformers"
    assert [given["name"] for given in told["inputs"]] == ["array_inputs", "candidate_labels"]
    assert told["parameters"]["task"] == "zero-shot-classification"
    assert told["parameters"]["weights"] == "folder"


# ------------------------------------------------------------------------------ isolation


async def test_two_callers_with_different_labels_never_mix(server: Runtime, alone: Any) -> None:
    callers = [("hello", ["a", "b c"]), ("other words", ["x", "y", "z"])]
    right = [alone("zero", text, candidate_labels=labels) for text, labels in callers]

    async def ask(clients: Clients, number: int) -> None:
        text, labels = callers[number % 2]
        given = tensor(labels, "candidate_labels", content_type="str")
        answer = await clients.either(number // 2)(request(texts(text), given), "zero")
        (result,) = answer.results
        expected = right[number % 2]
        assert result["sequence"] == text
        assert result["labels"] == expected["labels"]
        assert result["scores"] == pytest.approx(expected["scores"], abs=1e-5)

    async with clients_of(server) as clients:
        for _ in range(20):
            await asyncio.gather(*(ask(clients, number) for number in range(8)))


async def test_a_bad_request_fails_alone(server: Runtime, alone: Any) -> None:
    expected = alone("sentiment", "hello")[0]["score"]
    bad = [
        request(tensor(["hello"], "array_inputs", shape=[3])),
        request(tensor([], "array_inputs", shape=[0])),
        request(texts("hello"), option("top_k", 0, "INT64")),
        request(texts("hello"), option("batch_size", 4, "INT64")),
    ]

    async with clients_of(server) as clients:

        async def fine(number: int) -> None:
            answer = await clients.either(number)(request(texts("hello")), "sentiment")
            assert answer.results[0]["score"] == pytest.approx(expected, abs=1e-5)

        async def wrong(number: int) -> None:
            answer: Answer = await clients.either(number)(bad[number % len(bad)], "sentiment")
            assert answer.status == 400, answer

        for _ in range(5):
            calls = [call(number) for number in range(8) for call in (fine, wrong)]
            await asyncio.gather(*calls)


async def test_a_long_generation_holds_nobody_else_up(server: Runtime) -> None:
    """Health and the other models answer while it runs: they come back before it does."""
    async with clients_of(server) as clients:
        long = asyncio.create_task(clients.rest(request(texts("a"), **LONG), "writer"))
        await asyncio.sleep(0.1)
        async with clients.session.get("/v2/health/live") as health:
            assert health.status == 200
        other = await clients.grpc(request(texts("hello")), "sentiment")
        assert other.status == 200
        assert not long.done()
        assert (await long).status == 200


# ------------------------------------------------------------------------------ refusals

REFUSED: dict[str, tuple[str, Json, str]] = {
    "URL": ("picture", request(tensor(["http://localhost/a.png"], "inputs")), "inputs[0].data[0]"),
    "path": ("picture", request(tensor(["/etc/passwd"], "inputs")), "inputs[0].data[0]"),
    "no image": ("picture", request(tensor(["aGVsbG8="], "inputs")), "inputs[0].data[0]"),
    "shape says more": (
        "sentiment",
        request(tensor(["a"], "array_inputs", shape=[2])),
        "inputs[0]",
    ),
    "shape is negative": (
        "sentiment",
        request(tensor(["a"], "array_inputs", shape=[-1])),
        "inputs[0]",
    ),
    "no labels": ("zero", request(texts("a")), "candidate_labels"),
    "unknown option": (
        "writer",
        request(texts("a"), option("custom_generate", "x")),
        "inputs[1]: custom_generate is unknown",
    ),
    "unknown parameter": ("writer", request(texts("a"), num_workers=3), "parameters"),
    "too many tokens": ("writer", request(texts("a"), max_new_tokens=4096), "max_new_tokens"),
    "template with reach": (
        "zero",
        request(
            texts("a"),
            tensor(["x"], "candidate_labels"),
            option("hypothesis_template", "{0.__class__}"),
        ),
        "inputs[2] hypothesis_template",
    ),
}


@pytest.mark.parametrize(("model", "wrong", "field"), REFUSED.values(), ids=REFUSED)
def test_refusals(asked: Transport, model: str, wrong: Json, field: str) -> None:
    answer = asked.infer(wrong, model)
    assert answer.status == 400, answer
    assert answer.error.startswith(field), answer.error
    assert "passwd" not in answer.error
    assert "localhost" not in answer.error


# ----------------------------------------------------------------------------- streaming


def events(text: str) -> list[Json]:
    return [json.loads(line.removeprefix("data: ")) for line in text.split("\n\n") if line]


def tokens(responses: list[Json]) -> list[Json]:
    return [json.loads(response["outputs"][0]["data"][0]) for response in responses]


def assert_whole(told: list[Json], text: str) -> None:
    *most, last = told
    assert last["generated_text"] == text
    assert "".join(event["token"]["text"] for event in told) == text
    assert all(event["generated_text"] is None for event in most)
    assert last["details"]["generated_tokens"] == len(told)
    assert last["details"]["finish_reason"] in ("length", "stop")


@pytest.mark.parametrize("route", ["generate_stream", "infer_stream"])
def test_a_stream_over_rest(server: Runtime, alone: Any, route: str) -> None:
    ((whole,),) = [alone("writer", "hello", return_full_text=False, **GREEDY)]
    url = f"{server.url}/v2/models/writer/{route}"
    with httpx.stream("POST", url, json=request(texts("hello"), **GREEDY)) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        told = tokens(events(response.read().decode()))
    assert_whole(told, whole["generated_text"])


def test_a_stream_over_grpc(server: Runtime, alone: Any) -> None:
    ((whole,),) = [alone("writer", "hello", return_full_text=False, **GREEDY)]
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        stream = stub.ModelStreamInfer(iter([message(request(texts("hello"), **GREEDY), "writer")]))
        told = [json.loads(r.outputs[0].contents.bytes_contents[0]) for r in stream]
    assert_whole(told, whole["generated_text"])


def test_a_conversation_streams_too(server: Runtime) -> None:
    given = tensor([json.dumps(CHAT)], "array_inputs", content_type="hg_jsonlist")
    url = f"{server.url}/v2/models/chat/generate_stream"
    whole = httpx.post(url.replace("generate_stream", "infer"), json=request(given, **GREEDY))
    (answered,) = [json.loads(one) for one in whole.json()["outputs"][0]["data"]]
    streamed = httpx.post(url, json=request(given, **GREEDY))
    assert_whole(tokens(events(streamed.text)), answered[-1]["content"])


UNSTREAMABLE: dict[str, tuple[str, Json]] = {
    "two inputs": ("writer", request(texts("a", "b"))),
    "no option": ("writer", request(texts("a"), canary=1)),
    "several sequences": ("writer", request(texts("a"), num_return_sequences=2)),
    "too long a prompt": ("writer", request(texts("a" * 3000))),
    "another task": ("sentiment", request(texts("a"))),
}


@pytest.mark.parametrize(("model", "wrong"), UNSTREAMABLE.values(), ids=UNSTREAMABLE)
def test_an_error_before_the_first_event_is_an_ordinary_one(
    server: Runtime, model: str, wrong: Json
) -> None:
    refused = httpx.post(f"{server.url}/v2/models/{model}/generate_stream", json=wrong)
    assert refused.status_code == 400, refused.text
    assert set(refused.json()) == {"error"}
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as failed:
            list(stub.ModelStreamInfer(iter([message(wrong, model)])))
    assert grpc_refusal(failed.value) == Answer(400, refused.json()["error"])


def test_an_unknown_model_does_not_stream(server: Runtime) -> None:
    refused = httpx.post(f"{server.url}/v2/models/canary/generate_stream", json=request(texts("a")))
    assert refused.status_code == 404


async def test_a_stream_ends_when_its_caller_leaves(server: Runtime) -> None:
    """The model has one thread, so the next caller's answer says that the stream is over."""
    counted = "chorus_pipeline_streamed_tokens_total"
    before = server.metric(counted)
    url = f"{server.url}/v2/models/writer/generate_stream"
    async with aiohttp.ClientSession() as session:
        response = await session.post(url, json=request(texts("a"), **LONG))
        assert await response.content.readline()
        response.close()
    async with clients_of(server) as clients:
        assert (await clients.rest(request(texts("b"), **GREEDY), "writer")).status == 200
    assert 0 < server.metric(counted) - before < LONG["max_new_tokens"]
    assert not unexpected(server.log)


def test_a_grpc_stream_ends_when_its_caller_leaves(server: Runtime) -> None:
    counted = "chorus_pipeline_streamed_tokens_total"
    before = server.metric(counted)
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        stream = stub.ModelStreamInfer(iter([message(request(texts("a"), **LONG), "writer")]))
        assert next(stream)
        stream.cancel()
        ended = message(request(texts("b"), **GREEDY), "writer")
        assert stub.ModelInfer(ended, timeout=60).outputs
    assert 0 < server.metric(counted) - before < LONG["max_new_tokens"]


# -------------------------------------------------------------------- leaving, and deadlines

STOPPED = 'chorus_pipeline_stopped_runs_total{model="writer"}'


async def test_a_generation_ends_when_its_deadline_passes(server: Runtime) -> None:
    stopped = server.metric(STOPPED)
    async with clients_of(server) as clients:
        late = request(texts("a"), timeout=300_000, **LONG)
        behind = request(texts("b"), timeout=50_000, **GREEDY)
        for asked in (clients.rest, clients.grpc):
            first = asyncio.create_task(asked(late, "writer"))
            second = asyncio.create_task(asked(behind, "writer"))
            answers = await asyncio.gather(first, second)
            assert answers[0].status == 504, answers
            assert answers[0].error == "the deadline has passed"
            assert answers[1].status in (200, 504), answers
        assert (await clients.rest(request(texts("b"), **GREEDY), "writer")).status == 200
        assert (await clients.rest(request(texts("b"), timeout=0), "writer")).status == 400
    assert server.metric(STOPPED) > stopped


async def test_a_stream_ends_with_an_error_when_its_deadline_passes(server: Runtime) -> None:
    url = f"{server.url}/v2/models/writer/generate_stream"
    asked = request(texts("a"), timeout=300_000, **LONG)
    async with aiohttp.ClientSession() as session, session.post(url, json=asked) as response:
        told = events((await response.read()).decode())
    assert told[-1] == {"error": "the deadline has passed"}
    assert len(told) < LONG["max_new_tokens"]


@pytest.mark.parametrize("transport", ["rest", "grpc"])
async def test_a_generation_ends_when_its_caller_leaves(server: Runtime, transport: str) -> None:
    stopped = server.metric(STOPPED)
    async with clients_of(server) as clients:
        long = asyncio.create_task(
            getattr(clients, transport)(request(texts("a"), **LONG), "writer")
        )
        await asyncio.sleep(0.1)
        assert not long.done()
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        assert (await clients.rest(request(texts("b"), **GREEDY), "writer")).status == 200
    assert server.metric(STOPPED) - stopped == 1


# ----------------------------------------------------------------------------- life cycle


def test_a_model_is_unloaded_and_loaded_again(server: Runtime, alone: Any) -> None:
    for verb, status in (("unload", 404), ("load", 200)):
        url = f"{server.url}/v2/repository/models/sentiment/{verb}"
        assert httpx.post(url, json={}, timeout=60).status_code == 200
        asked = httpx.post(
            f"{server.url}/v2/models/sentiment/infer", json=request(texts("hello")), timeout=60
        )
        assert asked.status_code == status, asked.text


# ----------------------------------------------------------------------------- metrics


def by_model(server: Runtime, name: str, model: str) -> float:
    page = httpx.get(f"http://127.0.0.1:{server.ports.metrics}/metrics").text
    (line,) = [line for line in page.splitlines() if line.startswith(f'{name}{{model="{model}"}}')]
    return float(line.split()[-1])


async def test_the_metrics_tell_of_a_generation_and_of_who_waits_for_it(server: Runtime) -> None:
    url = f"{server.url}/v2/models/writer/generate_stream"

    def seen() -> tuple[float, bool]:
        age = by_model(server, "chorus_engine_queue_age_seconds", "writer")
        return by_model(server, "chorus_engine_in_flight", "writer"), age > 0

    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=request(texts("a"), **LONG)) as first:
            await first.content.readany()
            waiting = asyncio.ensure_future(session.post(url, json=request(texts("b"), **LONG)))
            await until(lambda: seen() == (2, True), "one generates and one waits")
            waiting.cancel()
        await until(lambda: seen() == (0, False), "both callers have left")


def test_the_metrics_of_pipelines_in_use_are_exported(server: Runtime) -> None:
    reply = httpx.post(f"{server.url}/v2/models/sentiment/infer", json=request(texts("a")))
    assert reply.status_code == 200
    there = exported(f"http://127.0.0.1:{server.ports.metrics}/metrics")
    ours = [use for use in used() if use.metric.startswith("chorus_pipeline_")]
    assert ours
    assert missing(ours, there) == []
