"""What the model server and the gateway say about their models."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from chorus import upstream_key
from chorus.runtime import Runtime


@dataclass(frozen=True)
class Weights:
    """What a model runs on: standin, hub or folder, and the checkpoint."""

    kind: str = ""
    checkpoint: str = ""
    standin: str = ""
    """`random` or `trained`; empty for what is none."""


class Readiness:
    """Asks the model server and the gateway; tells what is ready whenever that changes."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        gateway: str,
        runtimes: Sequence[Runtime],
        models: Sequence[str],
        on_change: Callable[[Sequence[str], int], None],
        key: str = "",
    ) -> None:
        self._client = client
        self._gateway = gateway
        self._first = runtimes[0]
        self._models = models
        self._on_change = on_change
        self._shown = upstream_key.header(key)  # to the model server; the gateway asks for none
        self._ready: dict[str, list[bool]] = {one.name: [False] * len(models) for one in runtimes}

    async def runtime(self, runtime: Runtime) -> bool:
        """Whether every model is ready in this process of the model server."""
        before = self._ready_everywhere()
        all_ready = await self._ask(runtime)
        ready = self._ready_everywhere()
        if ready != before:
            self._on_change(ready, len(self._models))
        return all_ready

    async def _ask(self, runtime: Runtime) -> bool:
        """Ask for the models that were not ready, and for all of them once they are.

        What was ready may have been so in a process that has died since.
        """
        known = self._ready[runtime.name]
        asked = [index for index, ready in enumerate(known) if not ready]
        answers = await self._answers(runtime, [self._models[index] for index in asked])
        for index, ready in zip(asked, answers, strict=True):
            known[index] = ready
        if not all(known):
            return False
        self._ready[runtime.name] = await self._answers(runtime, self._models)
        return all(self._ready[runtime.name])

    async def _answers(self, runtime: Runtime, models: Sequence[str]) -> list[bool]:
        urls = [f"{_url(runtime, name)}/ready" for name in models]
        return await asyncio.gather(*(self._ok(url, self._shown) for url in urls))

    async def gateway(self) -> bool:
        """Whether the gateway sees every model ready."""
        return await self._ok(f"http://{self._gateway}/readyz")

    async def weights(self, name: str) -> Weights:
        """What the model's metadata say about its weights; empty where they say nothing."""
        try:
            url = _url(self._first, name)
            metadata = (await self._client.get(url, headers=self._shown)).json()
            parameters = metadata["parameters"]
            said = (parameters.get(name) or "" for name in ("checkpoint", "standin"))
            return Weights(parameters["weights"], *said)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return Weights()

    def _ready_everywhere(self) -> list[str]:
        by_model = zip(*self._ready.values(), strict=True)
        return [name for name, ready in zip(self._models, by_model, strict=True) if all(ready)]

    async def _ok(self, url: str, headers: Mapping[str, str] | None = None) -> bool:
        try:
            return (await self._client.get(url, headers=headers)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def _url(runtime: Runtime, model: str) -> str:
    return f"http://{runtime.v2}/v2/models/{quote(model, safe='')}"
