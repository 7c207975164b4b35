"""A model server with a model of images and one of recordings, and a gateway in front of it.

Both report every file that they open and every host that they look for with the canary in its name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.conftest import Launch, Runtime
from tests.live.protocol import Json, request, tensor
from tests.mlserver_chorus.pipelines import checkpoints
from tests.reliability.gateways import gateway_before

CANARY = "canary3f9c"
MODELS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "picture": ("image-classification", checkpoints.image_classifier),
    "sound": ("audio-classification", checkpoints.audio_classifier),
}
KINDS = {"picture": "image/png", "sound": "audio/wav"}

# Python runs it at the start of each process, before anything else.
AUDIT = f"""
import os, sys

LOG = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def told(event, arguments):
    if event.startswith(("open", "os.", "socket.", "subprocess.", "pathlib.")):
        if {CANARY!r} in repr(arguments) or event == "subprocess.Popen":
            os.write(LOG, f"{{event}} {{arguments!r}}\\n".encode())

sys.addaudithook(told)
"""


@dataclass
class MediaServers:
    """Both, and what they have opened."""

    server: Runtime
    gateway: Runtime
    hook: Path
    log: Path

    @property
    def opened(self) -> str:
        """One line for each event that should not have been."""
        return self.log.read_text()

    def upload(self, model: str, file: bytes) -> httpx.Response:
        """The file as the body itself, to the gateway."""
        headers = {"content-type": KINDS[model]}
        return httpx.post(
            f"{self.gateway.url}/models/{model}", content=file, headers=headers, timeout=60
        )

    def predict(self, task: str, inputs: object, **parameters: object) -> httpx.Response:
        """A task's request, to the gateway; the model that is named gets it last of all."""
        body = {
            "hf_pipeline": task,
            "model_deployed_url": f"{self.server.url}/v2/models/picture/infer",
            "inputs": inputs,
            "parameters": parameters,
        }
        return httpx.post(f"{self.gateway.url}/predict", json=body, timeout=60)

    def infer(self, model: str, asked: Json) -> httpx.Response:
        """A V2 request, to the model server."""
        return httpx.post(f"{self.server.url}/v2/models/{model}/infer", json=asked, timeout=60)

    def send(self, model: str, file: bytes) -> httpx.Response:
        """The file as base64, to the model server."""
        text = base64.b64encode(file).decode()
        return self.infer(model, request(tensor([text], "inputs", content_type="base64")))


@contextmanager
def media_servers(launch: Launch, folder: Path) -> Iterator[MediaServers]:
    """Start them; they end with the block."""
    for name, (task, make) in MODELS.items():
        make(folder / "models" / name / "weights")
        settings = {
            "name": name,
            "implementation": "mlserver_chorus.Pipeline",
            "parameters": {"uri": "./weights", "extra": {"task": task, "device": -1}},
        }
        (folder / "models" / name / "model-settings.json").write_text(json.dumps(settings))
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(AUDIT)
    audited = {"PYTHONPATH": str(folder / "hook"), "AUDIT_LOG": str(folder / "log")}
    server = launch(folder / "models", environment=audited).wait_until_ready(*MODELS)
    gateway = gateway_before(launch, server, *MODELS, CHORUS_DRAIN_DELAY="0", **audited)
    yield MediaServers(server, gateway, folder / "hook", folder / "log")
    for process in (gateway, server):
        assert process.terminate() == 0, process.log
