"""`chorus serve` with keys that `chorus keys` has made, as every kind of client meets it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import tritonclient.http
from huggingface_hub import InferenceClient
from tritonclient.utils import InferenceServerException

from .conftest import Stack

TEXT = "I love this movie"
V2 = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [TEXT]}]}


def made(file: Path, *args: str) -> str:
    """A key, as a script takes it."""
    argv = [sys.executable, "-m", "chorus", "keys", "new", "--file", str(file), *args]
    return subprocess.run(argv, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.txt"


@pytest.fixture(scope="module")
def key(file: Path) -> str:
    return made(file, "shop")


@pytest.fixture(scope="module")
def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def keyed(file: Path, key: str) -> Iterator[Stack]:
    stack = Stack.start(file.with_name("serve.log"), CHORUS_API_KEYS_FILE=str(file))
    try:
        stack.wait_until_announced()
        yield stack
    finally:
        code = stack.stop()
    assert code == 0, stack.log.read_text()


def test_process(keyed: Stack, headers: dict[str, str]) -> None:
    url = f"{keyed.url}/process"
    assert httpx.post(url, json=TEXT).status_code == 401
    answer = httpx.post(url, json=TEXT, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()) == 5


def test_an_unmodified_client_of_hugging_face(keyed: Stack, key: str) -> None:
    client = InferenceClient(f"{keyed.url}/models/cardiffnlp", token=key)
    assert client.text_classification(TEXT)[0].label == "positive"


def test_v2_over_rest(keyed: Stack, headers: dict[str, str]) -> None:
    url = f"{keyed.v2}/models/cardiffnlp/infer"
    assert httpx.post(url, json=V2).status_code == 401
    assert httpx.post(url, json=V2, headers=headers).status_code == 200
    load = f"{keyed.v2}/repository/models/cardiffnlp/load"
    assert httpx.post(load, headers=headers).status_code == 403


def test_tritonclient_over_http(keyed: Stack, headers: dict[str, str]) -> None:
    given = tritonclient.http.InferInput("text", [1], "BYTES")
    given.set_data_from_numpy(np.array([TEXT], dtype=object))
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{keyed.ports[1]}") as client:
        assert client.is_server_ready()
        assert client.is_model_ready("cardiffnlp", headers=headers)
        answer: Any = client.infer("cardiffnlp", [given], headers=headers)
        assert "positive" in answer.as_numpy("output").item().decode()
        with pytest.raises(InferenceServerException):
            client.infer("cardiffnlp", [given])


def test_tritonclient_over_grpc(keyed: Stack, headers: dict[str, str]) -> None:
    script = Path(__file__).with_name("triton_keyed.py")
    argv = [sys.executable, str(script), f"127.0.0.1:{keyed.ports[2]}", headers["authorization"]]
    told = json.loads(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)
    assert told == {
        "live": True,
        "label": "positive",
        "ready": True,
        "without": "StatusCode.UNAUTHENTICATED",
    }


def test_a_key_that_is_made_later_is_good_and_a_revoked_one_is_not(
    keyed: Stack, file: Path
) -> None:
    later = made(file, "later", "--admin")
    header = {"authorization": f"Bearer {later}"}
    url = f"http://127.0.0.1:{keyed.ports[3]}/metrics"
    until(lambda: httpx.get(url, headers=header).status_code == 200)
    until(lambda: httpx.get(f"{keyed.url}/metrics", headers=header).status_code == 200)
    argv = [sys.executable, "-m", "chorus", "keys", "revoke", "later", "--file", str(file)]
    subprocess.run(argv, check=True, capture_output=True)
    until(lambda: httpx.get(url, headers=header).status_code == 401)
    until(lambda: httpx.get(f"{keyed.url}/metrics", headers=header).status_code == 401)


def test_the_summary_says_how_to_ask_and_shows_no_secret(keyed: Stack, key: str) -> None:
    log = keyed.log.read_text()
    assert "Every request needs a key" in log
    assert '-H "authorization: Bearer $KEY"' in log
    assert "tand-ins" in log, "the weights are told of, by who has no key of a caller"
    process = psutil.Process(keyed.process.pid)
    for server in (process, *process.children(recursive=True)):
        assert key not in " ".join(server.cmdline())
        if secret := server.environ().get("CHORUS_UPSTREAM_KEY"):
            assert secret not in log
            assert secret not in " ".join(server.cmdline())
    assert key not in log


def until(true: Any) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("not within 30 s")
