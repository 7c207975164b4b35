"""What is wrong with a request before anybody has looked at what it asks; each is an HTTP status.

Refused
├── BadBody          400   not what its headers or its syntax say
├── TooLarge         413   longer than is taken, compressed or not
├── UnknownType      415   of a media type or in a content encoding that is not read
└── HeadTooLarge     431   more header than is taken
"""

from typing import ClassVar


class Refused(Exception):
    """The request is not taken; the text is for the caller and repeats nothing of it."""

    status: ClassVar[int] = 400


class BadBody(Refused):
    """The body is not what its headers or its syntax say."""


class TooLarge(Refused):
    """The body is longer than is taken."""

    status = 413


class UnknownType(Refused):
    """The body is of a media type or in a content encoding that is not read."""

    status = 415


class HeadTooLarge(Refused):
    """The request line and the headers are longer than is taken."""

    status = 431
