"""Which forwards answer for which models: each its own, or several side by side where that pays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from . import metrics
from .loader import Loader
from .types import Model, Part

logger = logging.getLogger("mlserver.chorus")


class Plan:
    """Keeps models side by side while they come and go; `loader` is where they are loaded."""

    def __init__(self, models: Mapping[str, Model], loader: Loader) -> None:
        self._models = models
        self._loader = loader
        self._wishes: set[tuple[str, ...]] = set()
        self._merged: list[Part] = []
        self._merging = asyncio.Lock()

    def parts(self, models: Sequence[Model]) -> tuple[Part, ...]:
        """Who answers for these models: those that run side by side do so if all are asked."""
        left = dict.fromkeys(models)
        parts = []
        for part in self._merged:
            if left.keys() >= set(part.models):
                parts.append(part)
                left = {model: None for model in left if model not in part.models}
        return (*parts, *(Part((model,), model.forward) for model in left))

    async def together(self, names: Sequence[str]) -> None:
        """Run these models side by side where it pays, now and after any of them is reloaded."""
        self._wishes.add(tuple(names))
        await self._merge(names)

    async def joined(self, name: str) -> None:
        """A model was loaded: put it beside those that it was wished beside."""
        for names in self._wishes:
            if name in names:
                await self._merge(names)

    def leaves(self, name: str) -> None:
        """Before a model goes: those that share memory with it get their own again."""
        for part in [p for p in self._merged if any(m.name == name for m in p.models)]:
            self._merged.remove(part)
            self._separate(part)

    async def _merge(self, names: Sequence[str]) -> None:
        async with self._merging:
            for part in await self._attempt(names):
                # A model that went or was replaced in the meantime takes the others with it: they
                # are merged again when one of its name is loaded.
                if all(self._models.get(model.name) is model for model in part.models):
                    self._merged.append(part)
                    metrics.begin(part.name)
                else:
                    self._separate(part)

    async def _attempt(self, names: Sequence[str]) -> list[Part]:
        from .merging import merge

        taken = {model for part in self._merged for model in part.models}
        models = [self._models[name] for name in names if name in self._models]
        free = [model for model in models if model not in taken]
        try:
            return await asyncio.get_running_loop().run_in_executor(self._loader, merge, free)
        except Exception:
            # Each of them answers alone as it did.
            logger.exception("models cannot run side by side")
            return []

    def _separate(self, part: Part) -> None:
        from .merging import separate

        self._loader.later(separate, part.models)
