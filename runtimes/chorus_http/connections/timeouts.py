"""How long a caller is willing to wait, as it says in a header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Seconds in one unit of the header; the second is what Envoy's and Google's clients count in.
HEADERS: Final = {"x-request-timeout": 1.0, "x-request-timeout-ms": 1e-3}
LONGEST_NUMBER: Final = 16  # characters


class BadTimeout(ValueError):
    """A header that is no time; the text names it."""


def requested(headers: Mapping[str, str]) -> float | None:
    """Seconds that the caller gives us, None where it says nothing. Raises BadTimeout.

    `headers` have lower-case names. Of both headers the shorter time counts.
    """
    given = [
        _seconds(name, headers[name]) * unit for name, unit in HEADERS.items() if name in headers
    ]
    return min(given, default=None)


def _seconds(name: str, text: str) -> float:
    plain = len(text) <= LONGEST_NUMBER and text.replace(".", "", 1).isdecimal() and text.isascii()
    if not plain or float(text) <= 0:
        raise BadTimeout(f"{name}: a number above 0 is needed")
    return float(text)
