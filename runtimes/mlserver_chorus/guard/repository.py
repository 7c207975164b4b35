"""MLServer's repository API: one change of a model at a time, and no other library's words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from mlserver.errors import MLServerError, ModelNotFound
from mlserver.handlers import ModelRepositoryHandlers
from mlserver.registry import MultiModelRegistry
from mlserver.repository import ModelRepository
from mlserver.settings import ModelSettings
from mlserver.types import State

logger = logging.getLogger("mlserver.chorus")


class _ReadInThread(ModelRepository):
    """A repository whose files are not read on the event loop: of 40 models it takes 60 ms."""

    def __init__(self, repository: ModelRepository) -> None:
        self._repository = repository

    async def find(self, name: str) -> list[ModelSettings]:
        return await asyncio.to_thread(asyncio.run, self._repository.find(name))

    async def list(self) -> list[ModelSettings]:
        return await asyncio.to_thread(asyncio.run, self._repository.list())


class GuardedRepository(ModelRepositoryHandlers):
    """Loads and unloads of one model follow each other, in order of arrival, and each to its end.

    Half of a load is worse than none, so it goes on when whoever asked for it has left. While it
    is `closed`, for the reason given, nothing is loaded or unloaded on request.
    """

    def __init__(
        self,
        repository: ModelRepository,
        registry: MultiModelRegistry,
        closed: str | None = None,
    ) -> None:
        super().__init__(_ReadInThread(repository), registry)
        self._closed = closed
        # Weak, so that names of no model leave nothing behind.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._under_way: set[asyncio.Task[bool]] = set()

    async def load(self, name: str) -> bool:
        """Load or reload a model; the old one serves until the new one can.

        Raises MLServerError; then the old one goes on.
        """
        return await self._in_turn(name, self._load)

    async def unload(self, name: str) -> bool:
        """Answer what a model has accepted, and give its memory back. Raises MLServerError."""
        return await self._in_turn(name, self._unload)

    async def _in_turn(self, name: str, change: Callable[[str], Awaitable[bool]]) -> bool:
        if self._closed:
            raise MLServerError(self._closed, 403)

        async def alone() -> bool:
            async with self._turns.setdefault(name, asyncio.Lock()):
                return await change(name)

        task = asyncio.create_task(alone())
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[bool]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio complains where the caller has left

    async def _load(self, name: str) -> bool:
        served = await self._serves(name)
        try:
            return bool(await super().load(name))
        except ModelNotFound as error:
            if not served:
                raise
            # It was there when the server started: its file is gone, or cannot be read any more.
            raise self._failed(name, error) from None
        except MLServerError:
            raise
        except Exception as error:
            raise self._failed(name, error) from error

    async def _unload(self, name: str) -> bool:
        if not await self._serves(name):
            raise ModelNotFound(name)
        return bool(await super().unload(name))

    async def _serves(self, name: str) -> bool:
        """Whether a model of that name is loaded. Raises MLServerError as long as it is loading.

        Only the loads of the server's start have no turn.
        """
        try:
            model = await self._model_registry.get_model(name)
        except ModelNotFound:
            return False
        if not model.ready:
            raise MLServerError(f"model {name} is loading; try again shortly", 503)
        return True

    @staticmethod
    def _failed(name: str, error: Exception) -> MLServerError:
        """That a model cannot be loaded; why, with its path, is for the log."""
        logger.error("model %s cannot be loaded: %s", name, str(error))  # of its files alone
        return MLServerError(f"model {name} cannot be loaded; the log says why", 500)

    async def _get_state(self, model_settings: ModelSettings) -> State:
        state = await super()._get_state(model_settings)
        return State.LOADING if state is State.UNKNOWN else state
