"""What the gateway knows of the models behind it: whether they are ready, on which weights."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from chorus_gateway.errors import UpstreamError
from chorus_gateway.upstream.kept import Kept
from chorus_gateway.upstream.v2 import V2Client

ENSEMBLE: Final = "process"  # the model that answers for all classifiers at once
WEIGHTS: Final = frozenset({"standin", "hub", "folder", "mlflow"})

# However many ask, the model server is asked so often; who leaves is noticed within a second.
FRESH_SECONDS: Final = 0.25


class Readiness:
    """The state of the expected models; `draining` makes all of it unready.

    Nothing is asked while no server is reachable: nothing is ready then. `is_synced` says whether
    the servers of the cluster have been heard of once.
    """

    def __init__(
        self,
        client: V2Client,
        models: Sequence[str],
        is_reachable: Callable[[], bool] = lambda: True,
        is_synced: Callable[[], bool] = lambda: True,
    ) -> None:
        self.draining = False
        self.is_synced = is_synced
        self._client = client
        self._models = models
        self._is_reachable = is_reachable
        self._states = Kept(self._ask_for_states, FRESH_SECONDS)
        self._was_ready: bool | None = None
        self._weights: asyncio.Task[str | None] | None = None

    async def models(self) -> dict[str, bool]:
        """Whether each expected model is ready, as of a moment ago."""
        states = await self._states.get("") if self._is_reachable() else {}
        if not self._is_reachable():  # it may have been found out since
            states = dict.fromkeys(self._models, False)
        self._notice(all(states.values()))
        return states

    async def weights(self) -> str | None:
        """Name the weights that the ensemble runs on, None when it does not say; asked for once."""
        if self._weights is None:
            self._weights = asyncio.create_task(self._ask_for_weights())
        return await asyncio.shield(self._weights)  # shared: one caller's leaving ends it for none

    async def _ask_for_states(self, _: str) -> dict[str, bool]:
        answers = await asyncio.gather(*map(self._client.ready, self._models))
        return dict(zip(self._models, answers, strict=True))

    async def _ask_for_weights(self) -> str | None:
        try:
            parameters = (await self._client.metadata(ENSEMBLE)).get("parameters")
        except UpstreamError:
            self._weights = None  # an answer is worth more than its label; the next one asks again
            return None
        weights = parameters.get("weights") if isinstance(parameters, dict) else None
        return weights if isinstance(weights, str) and weights in WEIGHTS else None

    def _notice(self, ready: bool) -> None:
        """Forget the weights when the models come or go: others may come back."""
        if ready != self._was_ready:
            self._was_ready = ready
            self._weights = None
