"""MLServer's repository API without another library's words."""

from __future__ import annotations

import logging

from mlserver.errors import MLServerError
from mlserver.handlers import ModelRepositoryHandlers

logger = logging.getLogger("mlserver.chorus")


class GuardedRepository(ModelRepositoryHandlers):
    """Says that a model cannot be loaded; why, with its path, is for the log."""

    async def load(self, name: str) -> bool:
        """Load or reload a model. Raises MLServerError."""
        try:
            return bool(await super().load(name))
        except MLServerError:
            raise
        except Exception as error:
            logger.error("model %s cannot be loaded: %s", name, error)
            raise MLServerError(f"model {name} cannot be loaded; the log says why", 500) from error
