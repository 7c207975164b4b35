"""A Service's address, balanced as kube-proxy balances it: each connection to one pod at random.

The rules are those of kube-proxy, in this machine's own tables and for its own connections: the
kernel chooses, and a connection that stands stays with its pod whoever joins or leaves.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self


class Service:
    """`with Service(address, 80, 8000) as service`: no endpoints at first; connections need one.

    `port` is its own, `target` the pods'.
    """

    def __init__(self, address: str, port: int, target: int) -> None:
        self.url = f"http://{address}:{port}"
        self._target = target
        self._chain = f"CHORUS-TESTS-{os.getpid()}-{port}"
        self._to_chain = f"OUTPUT -d {address}/32 -p tcp -m tcp --dport {port} -j {self._chain}"
        self._endpoints: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._restore(f":{self._chain} - [0:0]", f"-A {self._to_chain}")
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore(f"-D {self._to_chain}", f"-F {self._chain}", f"-X {self._chain}")

    @property
    def endpoints(self) -> Sequence[str]:
        """Addresses of the pods that new connections go to."""
        return self._endpoints

    @endpoints.setter
    def endpoints(self, addresses: Sequence[str]) -> None:
        self._endpoints = tuple(addresses)
        left = range(len(addresses), 0, -1)
        rules = [self._rule(one, 1 / of) for one, of in zip(addresses, left, strict=True)]
        self._restore(f":{self._chain} - [0:0]", *rules)

    def join(self, address: str) -> None:
        """Give it connections from now on."""
        self.endpoints = [*self._endpoints, address]

    def leave(self, address: str) -> None:
        """Give it no more of them."""
        self.endpoints = [one for one in self._endpoints if one != address]

    def _rule(self, address: str, probability: float) -> str:
        by_chance = f"-m statistic --mode random --probability {probability:.10f}"
        target = f"-j DNAT --to-destination {address}:{self._target}"
        return f"-A {self._chain} -p tcp {by_chance if probability < 1 else ''} {target}"

    def _restore(self, *lines: str) -> None:
        """In one step: no connection meets half of the rules."""
        text = "\n".join(["*nat", *lines, "COMMIT", ""])
        command = ["iptables-restore", "--noflush", "--wait"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
