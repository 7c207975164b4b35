"""Names that tests make up, and counts of what is asked of the network."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest


@dataclass
class Names:
    """What names resolve to, each time the next; after the last, it again. Others there are not."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    lookups: list[str] = field(default_factory=list)
    is_down: bool = False
    """Whether the resolver does not answer."""

    def says(self, host: str, *answers: list[str]) -> None:
        self.answers[host] = list(answers)

    def look_up(self, host: str) -> list[str]:
        self.lookups.append(host)
        if self.is_down:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        answers = self.answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def made_up(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver in place of the system's, for all names; addresses stay what they are."""
    names, real = Names(), socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
        if not isinstance(host, str) or ":" in host or host.replace(".", "").isdigit():
            return real(host, port, *args, **options)
        return [
            real(one, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
            for one in names.look_up(host)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


@dataclass
class Asked:
    """Connections and lookups that the process began."""

    connections: list[Any] = field(default_factory=list)
    lookups: list[Any] = field(default_factory=list)


_watching: list[Asked] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    for asked in _watching:
        if event in ("socket.connect", "socket.sendto"):
            asked.connections.append(arguments[1])
        elif event.startswith("socket.get") and event != "socket.gethostname":
            asked.lookups.append(arguments[0])


@cache
def _install() -> None:
    sys.addaudithook(_note)  # for good: it cannot be taken away again


@contextmanager
def watched() -> Iterator[Asked]:
    """Count what the interpreter itself reports, whoever in the process does it."""
    _install()
    asked = Asked()
    _watching.append(asked)
    try:
        yield asked
    finally:
        _watching.remove(asked)
