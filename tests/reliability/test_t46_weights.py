"""T46: a checkpoint that was changed, or that holds code, is refused before anything parses it."""

from __future__ import annotations

import json
import pickle
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Launch, Ports, Runtime, free_port, unexpected
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Rest, request, tensor
from tests.reliability.checkpoints import CANARY, PINNED, PLAIN, Served, say, served

WATCHING = Path(__file__).parent / "watching"
PARSERS = {"transformers", "tokenizers", "safetensors", "torch", "sentencepiece", "jinja2"}


@dataclass(frozen=True)
class Spoiled:
    """What is done to a checkpoint, and the words that must name it."""

    named: str
    spoil: Callable[[Served], object]
    model: str = PLAIN


class _Payload:
    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._target,))


def pickled(served: Served, name: str) -> None:
    (served.plain / name).write_bytes(pickle.dumps(_Payload(served.root / CANARY)))


def with_code(served: Served) -> None:
    (served.plain / "modeling.py").write_text(f"open({str(served.root / CANARY)!r}, 'w')")
    say(served.plain, "config.json", auto_map={"AutoConfig": "modeling.Config"})


def with_auto_map(served: Served) -> None:
    """Of a repository elsewhere: there is no code to be found here."""
    say(served.plain, "tokenizer_config.json", auto_map={"AutoTokenizer": ["org/name--a.B"]})


def with_a_link_out(served: Served) -> None:
    (served.plain / "config.json").rename(served.root / "config.json")
    (served.plain / "config.json").symlink_to("../../config.json")


def with_an_index_of_elsewhere(served: Served) -> None:
    weights = served.plain / "model.safetensors"
    weights.rename(served.root / "model.safetensors")
    shards = {"weight_map": {"classifier.dense.weight": "../../model.safetensors"}}
    (served.plain / "model.safetensors.index.json").write_text(json.dumps(shards))


def with_an_archive(served: Served) -> None:
    """Whose one member is to land in the folder of the models."""
    (served.root / "a").write_text("{}")
    with tarfile.open(served.plain / "tokenizer.tar", "w") as archive:
        archive.add(served.root / "a", arcname="../../model-settings.json")


def with_a_changed_byte(served: Served) -> None:
    blob = (served.pinned / "model.safetensors").resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)


def with_another_hash(served: Served) -> None:
    lock = served.root / "models.lock"
    (digest,) = {
        file["sha256"]
        for model in json.loads(lock.read_text())["models"].values()
        for path, file in model["files"].items()
        if path == "tokenizer.json"
    }
    lock.write_text(lock.read_text().replace(digest, digest[::-1]))


def with_less(served: Served) -> None:
    blob = (served.pinned / "tokenizer.json").resolve()
    blob.write_bytes(blob.read_bytes()[:-1])


SPOILED = {
    "code": Spoiled("modeling.py is code", with_code),
    "auto_map": Spoiled("tokenizer_config.json says auto_map", with_auto_map),
    "extra .bin": Spoiled("training_args.bin", lambda served: pickled(served, "training_args.bin")),
    "pickle": Spoiled("optimizer.pt is a pickle", lambda served: pickled(served, "optimizer.pt")),
    "pickle beside safetensors": Spoiled(
        "pytorch_model.bin is a pickle", lambda served: pickled(served, "pytorch_model.bin")
    ),
    "link out": Spoiled("config.json is a link", with_a_link_out),
    "index of elsewhere": Spoiled("model.safetensors.index.json", with_an_index_of_elsewhere),
    "archive": Spoiled("tokenizer.tar is an archive", with_an_archive),
    "changed byte": Spoiled("model.safetensors has other bytes", with_a_changed_byte, PINNED),
    "wrong hash": Spoiled("tokenizer.json has other bytes", with_another_hash, PINNED),
    "file beyond the lock": Spoiled(
        "vocab.txt is not in models.lock",
        lambda served: (served.pinned / "vocab.txt").touch(),
        PINNED,
    ),
    "cut off": Spoiled("run chorus pull", with_less, PINNED),
}
# A start each, of seconds; the others are tried on a server that runs.
STARTED = ("code", "extra .bin", "changed byte")


def watched(launch: Launch, folder: Path, models: Served, *arguments: str) -> Runtime:
    """A server whose imports are noted in the folder."""
    watching = {"PYTHONPATH": str(WATCHING), "WATCHED_IMPORTS": str(folder / "imports")}
    return launch(models.root, *arguments, environment=models.environment | watching)


def imports(folder: Path) -> set[str]:
    return set((folder / "imports").read_text().split())


# ------------------------------------------------------------------------------ starts


def spoiled_start(launch: Launch, name: str, folder: Path) -> Runtime:
    models = served(folder)
    SPOILED[name].spoil(models)
    return watched(launch, folder, models, "--models", SPOILED[name].model)


def assert_refused(server: Runtime, name: str, folder: Path) -> None:
    assert server.exit_code(60) == 1
    (line,) = [said for said in server.stderr.splitlines() if said.startswith("chorus:")]
    assert line.startswith(f"chorus: model {SPOILED[name].model}: ")
    assert SPOILED[name].named in line
    assert str(folder) not in line
    assert server.stderr.rstrip().endswith(line), "the last word"
    assert not unexpected(server.log), server.log
    assert not list(folder.rglob(CANARY))
    seen = imports(folder)
    assert {"mlserver", "mlserver_chorus"} <= seen
    assert not seen & PARSERS, "what is not imported has parsed nothing"


@pytest.fixture(scope="module")
def starts(
    launch: Launch, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Runtime, Path]]:
    """All at once, for most of a start is imports."""
    folders = {name: tmp_path_factory.mktemp("spoiled") for name in STARTED}
    return {name: (spoiled_start(launch, name, folders[name]), folders[name]) for name in STARTED}


@pytest.mark.parametrize("name", STARTED)
def test_t46_the_start_ends_before_anything_is_parsed(
    starts: dict[str, tuple[Runtime, Path]], name: str
) -> None:
    server, folder = starts[name]
    assert_refused(server, name, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILED)
def test_t46_every_start_ends_before_anything_is_parsed(
    launch: Launch, tmp_path: Path, name: str
) -> None:
    assert_refused(spoiled_start(launch, name, tmp_path), name, tmp_path)


def test_t46_chorus_serve_ends_with_the_same_line(launch: Launch, tmp_path: Path) -> None:
    models = served(tmp_path)
    with_code(models)
    ports = Ports()
    command = ["chorus", "serve", "--models", PLAIN, "--models-dir", str(models.root)]
    environment = {
        "CHORUS_V2_PORT": str(ports.http),
        "CHORUS_GRPC_PORT": str(ports.grpc),
        "CHORUS_METRICS_PORT": str(ports.metrics),
        "CHORUS_PORT": str(free_port()),
    }
    stack = launch(command=command, ports=ports, environment=models.environment | environment)
    assert stack.exit_code(60) != 0
    assert f"model {PLAIN}: modeling.py is code" in stack.log
    assert not unexpected(stack.log), stack.log
    assert not list(tmp_path.rglob(CANARY))


# ----------------------------------------------------------------------------- reloads


@dataclass(frozen=True)
class Serving:
    """A server that runs on both checkpoints, and a copy of them as they were."""

    server: Runtime
    models: Served
    folder: Path
    kept: Path

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.server.url, timeout=60)

    @contextmanager
    def spoiled(self, name: str) -> Iterator[None]:
        SPOILED[name].spoil(self.models)
        try:
            yield
        finally:
            for part in ("models", "hub"):
                shutil.rmtree(self.folder / part)
                shutil.copytree(self.kept / part, self.folder / part, symlinks=True)


@pytest.fixture(scope="module")
def serving(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder, kept = (tmp_path_factory.mktemp(name) for name in ("serving", "kept"))
    models = served(folder)
    shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
    server = watched(launch, folder, models).wait_until_ready(PLAIN, PINNED)
    yield Serving(server, models, folder, kept)
    assert server.terminate() == 0, server.log


def load(client: httpx.Client, model: str) -> httpx.Response:
    return client.post(f"/v2/repository/models/{model}/load")


@pytest.mark.parametrize("name", SPOILED)
def test_t46_a_reload_is_refused_and_the_old_weights_serve_on(serving: Serving, name: str) -> None:
    model = SPOILED[name].model
    told = serving.server.log.count(SPOILED[name].named)
    with serving.client as client, serving.spoiled(name):
        refused = load(client, model)
        assert refused.status_code == 500
        assert refused.json() == {"error": f"model {model} cannot be loaded; the log says why"}
        (row,) = Rest(client).infer(request(tensor([TEXTS[0]])), model).results
        assert_right([row], PINNED, TEXTS[0])
        assert not list(serving.folder.rglob(CANARY))
    assert f"model {model}: " in serving.server.log
    assert serving.server.log.count(SPOILED[name].named) > told


def test_t46_what_is_as_it_was_is_loaded(serving: Serving) -> None:
    assert imports(serving.folder) >= {"transformers", "tokenizers", "safetensors", "torch"}
    with serving.client as client:
        assert {load(client, model).status_code for model in (PLAIN, PINNED)} == {200}
    assert not list(serving.folder.rglob(CANARY)), "nothing of it was unpacked"
