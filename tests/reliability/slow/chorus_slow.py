"""A faulty classifier that takes its time to load: CHORUS_SLOW_SECONDS, 0 by default."""

from __future__ import annotations

import asyncio
import os

from chorus_faulty import Faulty


class Slow(Faulty):  # type: ignore[misc]
    """Loads as a real one does: elsewhere, while the server answers."""

    async def load(self) -> bool:
        await asyncio.sleep(float(os.environ.get("CHORUS_SLOW_SECONDS", 0)))
        return bool(await super().load())
