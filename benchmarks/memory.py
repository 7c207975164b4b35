"""What a served model costs in memory: the highest resident size of each process, by the kernel.

Each model of real size (random weights of the true architecture, made once in .bench/memory) is
served alone by `chorus serve`, answers requests through the gateway's /predict, several at a time,
and its processes are asked for their peak since they started, loading included. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import orjson
import psutil

from benchmarks import options as shared
from benchmarks.answers import Answers
from benchmarks.machine import circumstances
from benchmarks.peers.base import Launch, Peer, Post
from benchmarks.peers.process import NotReady, Server, running
from benchmarks.report import Columns, Row, progress, publish
from benchmarks.weights import CACHE
from chorus.load.texts import short_texts

MIB = 1 << 20
AT_ONCE = 4
REQUEST_SECONDS = 300.0
PAGE = (612, 792)  # pixels; a letter page at 72 dpi
# To be raised when the same names make other weights.
RECIPE = 1
GATEWAY_LIMIT = 200
COLUMNS: Columns = {
    "what": "process",
    "model": "model",
    "weights_mib": "weights, MiB",
    "peak_mib": "peak, MiB",
    "limit_mib": "limit, MiB",
    "torch": "torch mapped",
    "good": "within",
}


@dataclass(frozen=True)
class Subject:
    """A model, its task, one request of it, and the most its process may take (MiB)."""

    name: str
    task: str
    limit_mib: int
    request: Callable[[str], dict[str, Any]]


def _text(text: str) -> dict[str, Any]:
    return {"inputs": text}


def _prompt(text: str) -> dict[str, Any]:
    return {"inputs": text, "parameters": {"max_new_tokens": 20, "num_return_sequences": 5}}


def _labelled(text: str) -> dict[str, Any]:
    return {"inputs": text, "parameters": {"candidate_labels": ["mobile", "website", "billing"]}}


def _page(text: str) -> dict[str, Any]:
    from PIL import Image, ImageDraw

    page = Image.new("RGB", PAGE, "white")
    ImageDraw.Draw(page).text((40, 40), text, fill="black")
    out = io.BytesIO()
    page.save(out, "PNG")
    return {"inputs": base64.b64encode(out.getvalue()).decode()}


SUBJECTS = (
    Subject("tiny-gpt2", "text-generation", 850, _prompt),
    Subject("distilbert-base-mnli", "zero-shot-classification", 850, _labelled),
    Subject("distilbert-base-ner", "token-classification", 850, _text),
    Subject("detr-resnet-50", "object-detection", 1300, _page),
)
NAMES = tuple(subject.name for subject in SUBJECTS)


class OneModel(Peer):
    """`chorus serve` with a single model, asked through /predict."""

    name = "chorus"

    def __init__(self, subject: Subject, weights: Path) -> None:
        self.subject = subject
        self.weights = weights

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """One for every subject."""
        return [cls(subject, weights[subject.name]) for subject in SUBJECTS]

    def prepare(self) -> None:
        """Nothing: `make install` has done it."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """A folder with the one model; `chorus serve` over it."""
        task = self.subject.task
        settings = {
            "name": task,
            "implementation": "mlserver_chorus.Pipeline",
            "parameters": {"uri": str(self.weights), "extra": {"task": task}},
        }
        (folder / "models" / task).mkdir(parents=True)
        (folder / "models" / task / "model-settings.json").write_text(json.dumps(settings))
        port = free_port()
        command = [str(Path(sys.executable).parent / "chorus"), "serve", "--port", str(port)]
        command += ["--models-dir", str(folder / "models"), "--device", "cpu", "--weights", "hub"]
        for option in ("--v2-port", "--grpc-port", "--metrics-port"):
            command += [option, str(free_port())]
        return Launch(command, folder, {}, port)

    def ready_paths(self) -> list[str]:
        """The gateway is ready when the model is."""
        return ["/readyz"]

    def posts(self, text: str) -> list[Post]:
        """The one request."""
        task = self.subject.task
        body = {"hf_pipeline": task, "model_deployed_url": task, **self.subject.request(text)}
        return [Post("/predict", orjson.dumps(body))]

    def read(self, part: int, body: bytes) -> Answers:
        """Nothing: what is measured here is memory."""
        return {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--models", type=_subjects, default=SUBJECTS, help=", ".join(NAMES))
    parser.add_argument("--count", type=shared.positive_int, default=20, help="requests of each")
    shared.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and publish; 1 if a process took more than it may."""
    rows: list[Row] = []
    for subject in options.models:
        rows += _measure(subject, options.count)
    around = {"benchmark": "memory", "count": options.count, "at_once": AT_ONCE}
    around |= circumstances()
    publish(
        [row | around for row in rows], COLUMNS, markdown=options.markdown, output=options.output
    )
    return 0 if all(row["good"] for row in rows) else 1


def _measure(subject: Subject, count: int) -> list[Row]:
    """Serve, ask, look: one row for the runtime and one for the gateway."""
    weights = _checkpoint(subject.name)
    size = sum(file.stat().st_size for file in weights.glob("*.safetensors")) / MIB
    peer = OneModel(subject, weights)
    progress(f"{subject.name}: {count} requests, {AT_ONCE} at once")
    with running(peer, set(psutil.Process().cpu_affinity())) as server:
        _ask(peer, server, count)
        runtime, gateway = (_only(server, name) for name in ("mlserver_chorus", "chorus_gateway"))
        return [
            _row("runtime", subject, runtime, subject.limit_mib) | {"weights_mib": size},
            _row("gateway", subject, gateway, GATEWAY_LIMIT, torch=False),
        ]


def _subjects(text: str) -> list[Subject]:
    chosen = shared.names(text)
    if unknown := set(chosen) - set(NAMES):
        raise argparse.ArgumentTypeError(
            f"no model is called {', '.join(sorted(unknown))}; known are {', '.join(NAMES)}"
        )
    return [subject for subject in SUBJECTS if subject.name in chosen]


def _checkpoint(name: str) -> Path:
    """The folder in the cache, made when it is not there."""
    folder = CACHE / "memory" / f"{name}-{RECIPE}"
    if not folder.is_dir():
        from benchmarks.memory_models import write  # seconds, for torch

        progress(f"making {name} in {folder}")
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        write(name, unfinished)
        unfinished.rename(folder)
    return folder


def _ask(peer: OneModel, server: Server, count: int) -> None:
    """Send the requests, several at once. Raises NotReady where an answer is not 200."""
    url = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=url, timeout=REQUEST_SECONDS) as client:

        def ask(text: str) -> None:
            (post,) = peer.posts(text)
            headers = {"content-type": "application/json"}
            reply = client.post(post.path, content=post.body, headers=headers)
            if reply.status_code != 200:
                raise NotReady(f"{post.path} {reply.status_code} {reply.text[:300]}")

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(ask, short_texts(count)))


def _only(server: Server, module: str) -> psutil.Process:
    """The process of the server's family that runs a module. Raises NotReady if it is gone."""
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if any(part.partition(".")[0] == module for part in process.cmdline()):
            return process
    raise NotReady(f"no process runs {module}")


def _row(
    what: str, subject: Subject, process: psutil.Process, limit: int, torch: bool = True
) -> Row:
    folder = Path("/proc") / str(process.pid)
    status = (folder / "status").read_text()
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    mapped = "libtorch" in (folder / "maps").read_text()
    peak_mib = int(peak) / 1024
    return {
        "what": what,
        "model": subject.name,
        "peak_mib": peak_mib,
        "limit_mib": limit,
        "torch": "yes" if mapped else "no",
        "good": peak_mib <= limit and mapped == torch,
    }
