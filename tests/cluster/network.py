"""A network of podman for the pods of a test run: they reach each other and this machine."""

from __future__ import annotations

import json
import os
from ipaddress import IPv4Address, IPv4Network

from tests.cluster.containers import Engine


class Network:
    """Named after this process; knows its pods by name, and keeps an address for a Service."""

    def __init__(self, engine: Engine, image: str) -> None:
        self._engine = engine
        self.name = f"chorus-tests-{os.getpid()}"
        engine.podman("network", "create", "--internal", self.name)
        # This machine has its address there while a container is on the network, and not before.
        anchor = ("sleep", "infinity")
        self._anchor = engine.run(image, *anchor, options=[f"--network={self.name}"])
        [self._subnet] = json.loads(engine.podman("network", "inspect", self.name).stdout)[0][
            "subnets"
        ]

    @property
    def gateway(self) -> str:
        """Where its pods reach this machine."""
        return str(self._subnet["gateway"])

    @property
    def service_address(self) -> IPv4Address:
        """One that no pod gets: they are numbered from the other end."""
        return IPv4Network(self._subnet["subnet"])[-2]

    def remove(self) -> None:
        """Take it down; its pods have to be gone."""
        self._anchor.remove()
        self._engine.podman("network", "rm", "--force", "--time=0", self.name, check=False)
