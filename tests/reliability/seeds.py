"""Where the random tests get their chance from, and how a failure is repeated."""

from __future__ import annotations

import logging
import os
import random

VARIABLE = "CHORUS_TEST_SEED"
logger = logging.getLogger(__name__)


def quick_seed() -> int:
    """The same one every time, so that a red run is about what has changed; or the variable's."""
    return int(os.environ.get(VARIABLE, 0))


def fresh_seed() -> int:
    """Another one every time, logged; or the variable's."""
    seed = int(os.environ.get(VARIABLE, random.SystemRandom().randrange(2**32)))
    logger.info("%s=%d", VARIABLE, seed)
    return seed
