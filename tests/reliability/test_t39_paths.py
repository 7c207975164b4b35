"""T39: a name of a file, for an image or a recording, is 400, and no file is opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.chorus_gateway.media.files import png
from tests.chorus_http.media.files import recording
from tests.live.protocol import Grpc, Json, request, tensor
from tests.reliability.media_servers import CANARY, MediaServers

from chorus_gateway.tasks.table import TASKS as GATEWAY_TASKS
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines.inputs import Reader
from mlserver_chorus.pipelines.media import Budget
from mlserver_chorus.pipelines.requests import Rules, parse
from mlserver_chorus.pipelines.tasks import TASKS, Input, Task

# Where FILE stands, a file is: whoever opened it would answer.
NAMES = [
    "FILE",
    "file://FILE",
    "file://localhostFILE",
    "FILE:UP/FILE",
    f"../{CANARY}.png",
    f"./{CANARY}.wav",
    f"~/{CANARY}",
    f"{CANARY}.png",
    CANARY,
    f"\\\\{CANARY}.example\\share\\a.png",
    f"//{CANARY}.example/a.png",
    f"smb://{CANARY}.example/a.png",
    f"http://{CANARY}.example/a.png",
    f"https://127.0.0.1/{CANARY}.png",
    "data:text/plain,FILE",
    "data:image/png,FILE",
    "data:image/png;base64,file://FILE",
    "data:FILE",
    "data:;base64,",
    f"C:\\{CANARY}.png",
    f"pipe:{CANARY}",
    f"|cat {CANARY}",
]
# The inputs of the tasks that take more than a file.
RECORDS: dict[str, Callable[[str], Any]] = {
    "visual-question-answering": lambda name: {"image": name, "question": "q"},
    "document-question-answering": lambda name: {"image": name, "question": "q"},
    "image-text-to-text": lambda name: {"images": name, "text": "t"},
}
CHATS: list[Callable[[str], Any]] = [
    lambda name: {"type": "image_url", "image_url": {"url": name}},
    lambda name: {"type": "image", "image": name},
    lambda name: {"type": "image", "url": name},
]
LABELS = {"candidate_labels": ["a", "b"]}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Every name, for an image and for a recording."""
    folder = tmp_path_factory.mktemp(CANARY)
    files = {"image": folder / "a.png", "audio": folder / "a.wav"}
    files["image"].write_bytes(png())
    files["audio"].write_bytes(recording())
    return {kind: [_named(name, file) for name in NAMES] for kind, file in files.items()}


def _named(name: str, file: Path) -> str:
    return name.replace("UP", "/..").replace("FILE", str(file))


@pytest.fixture(autouse=True)
def nothing_opened(media: MediaServers) -> Any:
    """Whatever the test asked for: both processes have opened nothing of it."""
    yield
    assert media.opened == ""


def test_t39_the_hook_would_see_it(media: MediaServers, tmp_path: Path) -> None:
    """Both processes have it, and it tells of a file that is opened."""
    for process in (media.server.process, media.gateway.process):
        files = [fd.readlink() for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert media.log in files
    log = tmp_path / "log"
    hook = {"PYTHONPATH": str(media.hook), "AUDIT_LOG": str(log)}
    script = f"import os\nif not os.path.exists('{CANARY}'): open('{CANARY}')"
    subprocess.run([sys.executable, "-c", script], env=os.environ | hook, capture_output=True)
    assert log.read_text().startswith("open ")


def kinds(task: Task) -> str:
    return "audio" if task.takes is Input.AUDIO else "image"


MEDIA_TASKS = [
    task
    for task in TASKS.values()
    if task.takes in (Input.IMAGE, Input.AUDIO) or {"image", "images"} & set(task.fields)
]


def test_t39_all_tasks_with_files_are_here() -> None:
    assert len(MEDIA_TASKS) == 14
    assert {task.name for task in MEDIA_TASKS} - set(RECORDS) == {
        task.name for task in MEDIA_TASKS if not task.fields
    }


@pytest.mark.parametrize("task", MEDIA_TASKS, ids=lambda task: task.name)
def test_t39_every_task_of_the_model_server(task: Task, names: dict[str, list[str]]) -> None:
    options = LABELS if "candidate_labels" in task.options else {}
    rules = Rules(task, 16, 100, options)
    for name in names[kinds(task)]:
        for asked in wires(task, name):
            budget = Budget(1_000_000, 60.0)
            with pytest.raises(InvalidRequest) as refused:
                parse(asked, rules, Reader(task, 10_000, budget, 16_000))
            assert CANARY not in str(refused.value)
            assert not budget.bytes_at_most


def wires(task: Task, name: str) -> list[Any]:
    """One input in every form that the task takes it in."""
    from mlserver.types import InferenceRequest

    if task.name not in RECORDS:
        ways = [tensor([name], "inputs", content_type=how) for how in ("str", "base64", "raw")]
        return [InferenceRequest(**request(way)) for way in [*ways, tensor([name], "inputs")]]
    values = [RECORDS[task.name](name)]
    if task.name == "image-text-to-text":
        values += [[{"role": "user", "content": [part(name)]}] for part in CHATS]
    return [
        InferenceRequest(**request(tensor([json.dumps(value)], content_type="hg_jsonlist")))
        for value in values
    ]


@pytest.mark.parametrize("model", ["picture", "sound"])
def test_t39_a_model_server(media: MediaServers, names: dict[str, list[str]], model: str) -> None:
    ways: list[Json] = [
        request(tensor([name], "inputs", content_type=how))
        for name in names["image" if model == "picture" else "audio"]
        for how in ("base64", "str", None)
    ]
    with grpc.insecure_channel(media.server.grpc_address) as channel:
        remote = Grpc(GRPCInferenceServiceStub(channel))
        for asked in ways:
            answer = media.infer(model, asked)
            assert answer.status_code == 400, answer.text
            assert CANARY not in answer.json()["error"]
            assert remote.infer(asked, model).status == 400


@pytest.mark.parametrize("task", sorted(task.name for task in MEDIA_TASKS))
def test_t39_every_task_of_the_gateway(
    media: MediaServers, names: dict[str, list[str]], task: str
) -> None:
    kind = kinds(TASKS[task])
    made: Callable[[str], Any] = RECORDS.get(task, str)
    parameters = LABELS if task.startswith("zero-shot") else {}
    assert task in GATEWAY_TASKS
    for name in names[kind]:
        answer = media.predict(task, made(name), **parameters)
        assert answer.status_code in (400, 415), (name, answer.text)
        assert CANARY not in answer.json()["error"]


@pytest.mark.parametrize("model", ["picture", "sound"])
def test_t39_a_name_as_the_body(
    media: MediaServers, names: dict[str, list[str]], model: str
) -> None:
    for name in names["image" if model == "picture" else "audio"]:
        answer = media.upload(model, name.encode())
        assert answer.status_code == 415, answer.text
        assert CANARY not in answer.json()["error"]
