"""Whether the server lives and is ready: one answer for REST, gRPC and the launcher."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mlserver.errors import MLServerError, ModelNotFound
from mlserver.registry import MultiModelRegistry

SHUTTING_DOWN = "the server is shutting down"

Problem = Callable[[], str | None]
"""One line that says why a part of the process cannot answer any more, or None."""


class Health:
    """What the server says about itself; every answer is None where all is well."""

    def __init__(self, registry: MultiModelRegistry, problems: Sequence[Problem]) -> None:
        self._registry = registry
        self._problems = problems
        self.expected: Collection[str] = ()
        """Names of the models that the server was started with."""
        self.starting = True
        """Until every expected model has been loaded once."""
        self.draining = False
        """Once the server has been asked to stop."""

    def not_live(self) -> str | None:
        """Why the process has to be started again; load is never a reason."""
        return next((problem for ask in self._problems if (problem := ask())), None)

    async def not_ready(self) -> str | None:
        """Why no request should come here: draining, not live, or an expected model is missing."""
        if problem := self._not_serving():
            return problem
        for name in self.expected:
            try:
                problem = await self._of_model(name, None)
            except ModelNotFound:
                problem = f"model {name} is not loaded"
            if problem:
                return problem
        return None

    async def model_not_ready(self, name: str, version: str | None) -> str | None:
        """Why a model cannot answer. Raises ModelNotFound (404) for one that is not known."""
        problem = await self._of_model(name, version or None)
        return self._not_serving() or problem

    async def require(self, name: str, version: str | None) -> None:
        """Let an inference through; a draining server goes on answering.

        Raises ModelNotFound (404), or MLServerError (503) with what is in its way.
        """
        if problem := await self._of_model(name, version or None) or self.not_live():
            raise MLServerError(problem, 503)

    def _not_serving(self) -> str | None:
        return SHUTTING_DOWN if self.draining else self.not_live()

    async def _of_model(self, name: str, version: str | None) -> str | None:
        try:
            model = await self._registry.get_model(name, version)
        except ModelNotFound:
            # MLServer knows a model from the moment its load begins, and they take turns.
            if self.starting and name in self.expected:
                return f"model {name} is loading"
            raise
        return None if model.ready else f"model {model.name} is loading"
