"""The header Host (RFC 9112, 3.2): one, and the name or address of a server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})"
_ADDRESS: Final = r"\[[0-9A-Fa-f:.]{2,45}\]"
_HOST: Final = re.compile(rf"(?:{_NAME}|{_ADDRESS})(?::[0-9]{{0,5}})?".encode())


def is_good(hosts: Sequence[bytes], version: str) -> bool:
    """Whether a request may have these; HTTP/1.0 knows none, and old probes speak it."""
    if len(hosts) == 1:
        return _HOST.fullmatch(hosts[0]) is not None
    return not hosts and version == "1.0"
