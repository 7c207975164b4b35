"""What gradio keeps of its users, and is not to: what they typed, and what errors say of it."""

import logging
import sys
import traceback
from typing import Any

from gradio.state_holder import SessionState

logger = logging.getLogger(__name__)


def set_up() -> None:
    """Keep no input of a session, API keys among them, and print no exception with its text."""
    # Sessions keep it for links to what a page shows, which there are none of here.
    SessionState._update_value_in_config = _nothing  # type: ignore[method-assign, assignment]
    # What handlers raise is printed from several places; the log says its type and place.
    traceback.print_exc = _logged


def _nothing(session: SessionState, key: int, value: Any) -> None:
    pass


def _logged(*_: object, **__: object) -> None:
    logger.error("an event failed in an unexpected way", exc_info=sys.exc_info())
