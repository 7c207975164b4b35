"""What may go wrong between here and a model server, in our words, and what may be sent again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp

from chorus_gateway.errors import (
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)

# Foreign errors, most special first: timeouts of aiohttp are connection errors too, and the last
# row is what is left of ClientError: an answer that is not HTTP.
FOREIGN_ERRORS: Final[tuple[tuple[type[Exception], type[UpstreamError]], ...]] = (
    (asyncio.TimeoutError, UpstreamTimeout),
    (aiohttp.ClientConnectionError, UpstreamUnavailable),
    (aiohttp.ClientPayloadError, UpstreamUnavailable),
    (aiohttp.ClientError, UpstreamInvalid),
)

NO_CONNECTION: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# A reset is an OSError; a connection that was ended in good order while a head was expected is not.
CUT: Final = (
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
    aiohttp.ServerDisconnectedError,
)


def translate(error: Exception) -> UpstreamError:
    """Turn an error of aiohttp into the gateway's word for it."""
    for foreign, own in FOREIGN_ERRORS:
        if isinstance(error, foreign):
            return own(type(error).__name__)
    raise AssertionError("this is a bug: not an error of aiohttp") from error


@contextmanager
def in_our_words() -> Iterator[None]:
    """Translate what aiohttp raises; the original stays its cause, by which the next two judge."""
    try:
        yield
    except (TimeoutError, aiohttp.ClientError) as error:
        raise translate(error) from error


def never_sent(error: UpstreamError) -> bool:
    """Whether no connection came about, so that nothing can have run."""
    return isinstance(error.__cause__, NO_CONNECTION)


def cut_before_answering(error: UpstreamError) -> bool:
    """Whether the connection ended without a byte of an answer."""
    match error.__cause__:
        case aiohttp.ServerDisconnectedError(message=message):
            return isinstance(message, str)  # else it is the part of a head that had come
        case cause:
            return isinstance(cause, CUT) and not never_sent(error)
