"""What the two servers say about their models."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from chorus.ports import Addresses


@dataclass(frozen=True)
class Weights:
    """What a model runs on: standin, hub or folder, and the checkpoint."""

    kind: str = ""
    checkpoint: str = ""


class Readiness:
    """Asks the model server and the gateway; tells what is ready whenever that changes."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        at: Addresses,
        models: Sequence[str],
        on_change: Callable[[Sequence[str], int], None],
    ) -> None:
        self._client = client
        self._at = at
        self._models = models
        self._on_change = on_change
        self._ready: list[str] = []

    async def runtime(self) -> bool:
        """Whether every model is ready in the model server."""
        answers = await asyncio.gather(*(self._ok(f"{self._model(n)}/ready") for n in self._models))
        ready = [name for name, ok in zip(self._models, answers, strict=True) if ok]
        if ready != self._ready:
            self._ready = ready
            self._on_change(ready, len(self._models))
        return all(answers)

    async def gateway(self) -> bool:
        """Whether the gateway sees every model ready."""
        return await self._ok(f"http://{self._at.gateway}/readyz")

    async def weights(self, name: str) -> Weights:
        """What the model's metadata say about its weights; empty where they say nothing."""
        try:
            metadata = (await self._client.get(self._model(name))).json()
            parameters = metadata["parameters"]
            return Weights(parameters["weights"], parameters.get("checkpoint") or "")
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return Weights()

    def _model(self, name: str) -> str:
        return f"http://{self._at.v2}/v2/models/{quote(name, safe='')}"

    async def _ok(self, url: str) -> bool:
        try:
            return (await self._client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False
