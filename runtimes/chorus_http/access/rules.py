"""Which requests take a key, and what that key must be for.

Decided on the path that the router will use, never on a URL put together from headers; whatever
no rule is about takes a key of `admin`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope as Request

from ..errors import BadPath, Forbidden, Unauthorized
from .callers import CALLER, Caller, Scope
from .keys import KeyRing

_READING: Final = ("GET", "HEAD")
# Empty and dotted segments, what some servers cut paths at, what was encoded twice or wrongly.
_ODD: Final = re.compile(r"//|/\.\.?(?:/|$)|[\x00-\x1f\x7f\\;%\ufffd]")
# Encoded though it need not be, or a slash: the same path to us and another to a proxy before us.
_ENCODED: Final = re.compile(rb"%(?:2[def]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)", re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """`probes` may be read without a key; of `scopes`, the first whose pattern is the path's."""

    probes: frozenset[str]
    scopes: Sequence[tuple[re.Pattern[str], Scope]]

    def needed(self, path: str) -> Scope:
        """What a key must be for."""
        matching = (scope for pattern, scope in self.scopes if pattern.fullmatch(path))
        return next(matching, Scope.ADMIN)


class Access:
    """Who may do what, by the keys there are."""

    def __init__(self, keys: KeyRing, rules: Rules) -> None:
        self._keys = keys
        self._rules = rules

    def admit(self, request: Request) -> None:
        """Note who calls, if somebody has to. Raises Unauthorized, BadPath, Forbidden."""
        path: str = request["path"]
        odd = is_odd(path, request.get("raw_path") or b"")
        if request["method"] in _READING and path in self._rules.probes and not odd:
            return
        caller = self.caller(request)
        if odd:
            raise BadPath("path: it must be as the documentation has it, without . // ; or \\")
        if self._rules.needed(path) not in caller.scopes:
            raise Forbidden("this key is not for that; ask for one that is, or check the path")
        request[CALLER] = caller

    def caller(self, request: Request) -> Caller:
        """Whose key the request has. Raises Unauthorized."""
        sent = [value for name, value in request["headers"] if name == b"authorization"]
        header = sent[0].decode("latin-1") if len(sent) == 1 else None
        caller = self._keys.caller(header)
        if caller is None:
            raise Unauthorized("a key is needed: send it as Authorization: Bearer KEY")
        return caller


def is_odd(path: str, raw_path: bytes) -> bool:
    """Whether others could take the path for another one: a proxy, or a file system."""
    return bool(_ODD.search(path) or (b"%" in raw_path and _ENCODED.search(raw_path)))
