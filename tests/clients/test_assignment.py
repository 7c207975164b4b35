"""The five requests of the original challenge, with what its runner asserts of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.clients import files
from tests.clients.conftest import serving
from tests.stack.conftest import Stack

PATIENT = "A 48 year-old female presented with vaginal bleeding and abnormal Pap smears. She slept."
PHONE = "Last week I upgraded my iOS version and ever since then my phone has been overheating."
TEXTS: dict[str, dict[str, Any]] = {
    "text-generation": {
        "inputs": "Hello, how are you today? ",
        "parameters": {
            "min_new_tokens": 10,
            "max_new_tokens": 20,
            "do_sample": True,
            "temperature": 1.0,
            "num_return_sequences": 5,
        },
    },
    "token-classification": {"inputs": PATIENT, "parameters": {}},
    "zero-shot-classification": {
        "inputs": PHONE,
        "parameters": {"candidate_labels": ["mobile", "website", "billing", "account access"]},
    },
}


@pytest.fixture(scope="module")
def picture_url(media_host: str) -> str:
    """An image on a web server that the gateway may fetch from."""
    return f"http://{media_host}/picture.png"


def check(task: str, out: Any) -> None:
    """What the runner asserts, nothing less."""
    match task:
        case "text-generation":
            assert len(out) == 1
            assert len(out[0]) == 5
            assert all(isinstance(one["generated_text"], str) for one in out[0])
        case "token-classification":
            assert out
            assert all("entity" in one for one in out)
        case "zero-shot-classification":
            assert {"sequence", "labels", "scores"} <= out[0].keys()
            assert len(out[0]["labels"]) == len(out[0]["scores"]) == 4
        case "object-detection":
            assert {"score", "label", "box"} <= out[0][0].keys()
            assert len(out[0][0]["box"]) == 4


def ask(stack: Stack, path: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{stack.url}{path}", json=body, timeout=60)


def infer_url(stack: Stack, model: str) -> str:
    return f"{stack.v2}/models/{model}/infer"


@pytest.mark.parametrize("path", ["/predict", "/predict/"])
@pytest.mark.parametrize("task", TEXTS)
def test_texts(tasks: Stack, task: str, path: str) -> None:
    url = infer_url(tasks, task)
    reply = ask(tasks, path, hf_pipeline=task, model_deployed_url=url, **TEXTS[task])
    assert reply.status_code == 200, reply.text
    check(task, reply.json())


@pytest.mark.parametrize("path", ["/predict", "/predict/"])
@pytest.mark.parametrize("form", ["base64", "url"])
def test_an_image(tasks: Stack, picture_url: str, path: str, form: str) -> None:
    image = picture_url if form == "url" else files.text(files.png())
    url = infer_url(tasks, "object-detection")
    # Nothing that a stand-in sees is certain to it.
    threshold = {"threshold": 0.0}
    reply = ask(
        tasks,
        path,
        hf_pipeline="object-detection",
        model_deployed_url=url,
        inputs=image,
        parameters=threshold,
    )
    assert reply.status_code == 200, reply.text
    check("object-detection", reply.json())


def test_image_by_url_and_by_base64_give_the_same(tasks: Stack, picture_url: str) -> None:
    answers = [
        ask(
            tasks,
            "/predict",
            hf_pipeline="image-classification",
            model_deployed_url="image-classification",
            inputs=image,
        ).json()
        for image in (picture_url, files.text(files.png()))
    ]
    assert answers[0] == answers[1]


def test_an_image_elsewhere_is_not_fetched(tasks: Stack) -> None:
    reply = ask(
        tasks,
        "/predict",
        hf_pipeline="object-detection",
        model_deployed_url="object-detection",
        inputs="http://localhost:1/a.png?key=secret",
    )
    assert reply.status_code == 400
    assert "CHORUS_MEDIA_HOSTS" in reply.json()["error"]
    assert "secret" not in reply.text


@pytest.mark.parametrize("form", ["{v2}/models/{m}", "{v2}/models/{m}/", "{m}"])
def test_other_ways_to_name_the_model(tasks: Stack, form: str) -> None:
    task = "zero-shot-classification"
    url = form.format(v2=tasks.v2, m=task)
    reply = ask(tasks, "/predict", hf_pipeline=task, model_deployed_url=url, **TEXTS[task])
    assert reply.status_code == 200, reply.text
    check(task, reply.json())


def test_a_bare_host_with_several_models_names_them(tasks: Stack) -> None:
    task = "text-generation"
    host = tasks.v2.removesuffix("/v2")
    reply = ask(tasks, "/predict", hf_pipeline=task, model_deployed_url=host, **TEXTS[task])
    assert reply.status_code == 400
    assert "text-generation" in reply.json()["error"]
    assert "object-detection" in reply.json()["error"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    log = tmp_path_factory.mktemp("alone") / "serve.log"
    yield from serving(log, "--models", "text-generation")


@pytest.mark.parametrize("end", ["", "/"])
def test_a_bare_host_with_one_model(alone: Stack, end: str) -> None:
    task = "text-generation"
    host = alone.v2.removesuffix("/v2") + end
    reply = ask(alone, "/predict", hf_pipeline=task, model_deployed_url=host, **TEXTS[task])
    assert reply.status_code == 200, reply.text
    check(task, reply.json())
