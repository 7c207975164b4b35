"""Probes of a manifest, asked as the kubelet asks them: by GET, of the pod's own address."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx

Kind = Literal["startupProbe", "readinessProbe", "livenessProbe"]


@dataclass(frozen=True)
class Probe:
    """One of a container's; seconds."""

    path: str
    port: int
    period: float
    timeout: float
    failures: int

    @classmethod
    def read(cls, container: dict[str, Any], kind: Kind) -> Self:
        """A probe as the manifest states it."""
        stated = container[kind]
        where = stated["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        return cls(
            path=where["path"],
            port=ports[where["port"]],
            period=stated["periodSeconds"],
            timeout=stated["timeoutSeconds"],
            failures=stated["failureThreshold"],
        )

    def succeeds(self, address: str) -> bool:
        """Whether it does now."""
        return self.status(address) in range(200, 400)

    def status(self, address: str) -> int | None:
        """The answer's status; None where there is no answer in time."""
        url = f"http://{address}:{self.port}{self.path}"
        try:
            return httpx.get(url, timeout=self.timeout, trust_env=False).status_code
        except httpx.TransportError:
            return None

    def wait(self, address: str, is_alive: Callable[[], bool]) -> None:
        """Ask until it succeeds. Fails after as many failures as would end the container."""
        for _ in range(self.failures):
            if self.succeeds(address):
                return
            assert is_alive(), f"ended before {self.path} succeeded"
            time.sleep(self.period)
        raise AssertionError(f"{self.path} has failed {self.failures} times")
