"""HTTP as it is written: any method, any target, any `Host`, one answer after the other."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tests.reliability.key_files import Key
from tests.reliability.sockets import SECONDS


class Heard(NamedTuple):
    """An answer; `headers` by their lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A connection, made anew whenever the server has closed it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)

    def ask(
        self,
        method: str,
        target: str,
        key: Key | None = None,
        hosts: Sequence[str] = ("localhost",),
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Heard:
        sending = self._connection
        sending.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for host in hosts:
            sending.putheader("Host", host)
        for name, value in (*headers, *(key.header.items() if key else ())):
            sending.putheader(name, value)
        if body or method in ("POST", "PUT", "PATCH"):
            sending.putheader("Content-Length", str(len(body)))
        sending.endheaders(body)
        answer = sending.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Heard(answer.status, told, answer.read())


def odd_targets(path: str, probe: str) -> Iterator[str]:
    """Targets that a proxy or a careless router may take for the path, or for the probe."""
    last = path.rindex("/") + 1
    yield f"/{path}"
    yield f"/{path}/"
    yield f"{path}/"
    yield f"{path}/."
    yield f"/.{path}"
    yield f"/x/..{path}"
    yield f"/%2e%2e{path}"
    yield f"/x/%2E.{path}"
    yield f"/..;{path}"
    yield f"{path};x=1"
    yield f"{path}/..;{probe}"
    yield f"{probe}/..;{path}"
    yield f"{probe};{path}"
    yield f"{probe}/..{path}"
    yield f"{probe}/../../..{path}"
    yield probe + f"/../../..{path}".replace("/", "%2f")
    yield "/" + path[1:].replace("/", "%2f") + "%2f"
    yield path.replace("/", "\\")
    yield f"{path[:last]}%{ord(path[last]):02x}{path[last + 1 :]}"
    yield f"{path[:last]}%25{ord(path[last]):02x}{path[last + 1 :]}"
    yield f"{path}%00"
    yield f"{path}%00{probe}"
    yield f"{path}%20"
    yield f"{path}%0d%0ax-chorus:%20x"
    yield f"{path}%c0%af"
    yield path.upper()


BAD_HOSTS: Final[Sequence[Sequence[str]]] = (
    (),
    ("localhost", "localhost"),
    ("localhost", "elsewhere"),
    ("x/v2/health/live?",),
    ("x#",),
    ("x@localhost",),
    ("x y",),
    ("x,y",),
    ("localhost:http",),
    ("[::1",),
    ("",),
)
"""Of no server."""
