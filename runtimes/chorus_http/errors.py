"""What is wrong with a request before anybody has looked at what it asks; each is an HTTP status.

Refused
├── BadBody          400   not what its headers or its syntax say
├── BadPath          400   a path that others could take for another one
├── Unauthorized     401   without a key, or with one that nobody has
├── Forbidden        403   with a key that is not for that
├── TooLarge         413   longer than is taken, compressed or not
├── UnknownType      415   of a media type or in a content encoding that is not read
├── OverLimit        429   more than this caller may have
│   ├── OverRate           … in a while
│   └── OverConcurrency    … at a time
└── HeadTooLarge     431   more header than is taken
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Refused(Exception):
    """The request is not taken; the text is for the caller and repeats nothing of it."""

    status: ClassVar[int] = 400
    headers: Mapping[str, str] = _NO_HEADERS
    """What the answer says besides."""


class BadBody(Refused):
    """The body is not what its headers or its syntax say."""


class BadPath(Refused):
    """The path is one that others could take for another one."""


class Unauthorized(Refused):
    """There is no key, or nobody has it."""

    status = 401
    headers = MappingProxyType({"www-authenticate": "Bearer"})


class Forbidden(Refused):
    """The key is not for that."""

    status = 403


class TooLarge(Refused):
    """The body is longer than is taken."""

    status = 413


class UnknownType(Refused):
    """The body is of a media type or in a content encoding that is not read."""

    status = 415


class HeadTooLarge(Refused):
    """The request line and the headers are longer than is taken."""

    status = 431


class OverLimit(Refused):
    """The caller asks for more than it may have; `retry_after` is in seconds."""

    status = 429

    def __init__(self, words: str, retry_after: int, fields: Mapping[str, str]) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        self.headers = {"retry-after": str(retry_after), **fields}


class OverRate(OverLimit):
    """It has sent too many requests; `fields` say what is left of its rate."""

    def __init__(self, retry_after: int, fields: dict[str, str]) -> None:
        super().__init__("this caller sends too much; see retry-after", retry_after, fields)
        self.fields = fields


class OverConcurrency(OverLimit):
    """As many of its requests as may be are being answered."""

    def __init__(self) -> None:
        super().__init__("too many requests of this caller at a time; await answers", 1, {})
