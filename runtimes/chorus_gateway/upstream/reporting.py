"""What the log hears of calls without a usable answer."""

import logging

from chorus_gateway.errors import UpstreamError, UpstreamRefused

logger = logging.getLogger(__name__)


def report(whose: str, error: UpstreamError) -> None:
    """Log an error; `whose` says of whose server, in words that are not the caller's.

    What a server refused is its caller's affair, and any caller can have it refuse for ever.
    """
    level = logging.DEBUG if isinstance(error, UpstreamRefused) else logging.WARNING
    logger.log(level, "%s: upstream %s (%s)", whose, error.kind, error)
