"""Pods of real containers, looked after as by a kubelet: started, probed, stopped in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from tests.cluster.containers import Container, Engine
from tests.cluster.flattening import Item, in_order
from tests.cluster.probes import Kind, Probe


class Ended(NamedTuple):
    """What became of a container that was told to stop; seconds since the pod was."""

    container: str
    code: int
    told: float
    gone: float


class Pod:
    """One pod, made and not started; `spec` as in the manifest, `documents` as podman plays it."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        spec: Item,
        documents: Sequence[Item],
        options: Sequence[str],
        folder: Path,
    ) -> None:
        self.name = name
        self._engine = engine
        self.specs: dict[str, Item] = {one["name"]: one for one in in_order(spec)}
        self.grace: float = spec.get("terminationGracePeriodSeconds", 30)
        self._volumes = [
            one.get("configMap", one)["name"] for one in documents[-1]["spec"]["volumes"]
        ]
        file = folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump_all(documents))
        engine.podman("play", "kube", "--start=false", *options, str(file))
        self._infra = engine.podman(
            "pod", "inspect", "--format={{.InfraContainerID}}", name
        ).stdout.strip()
        engine.podman("start", self._infra)
        self.address = engine.podman(
            *("container", "inspect", self._infra),
            "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        ).stdout.strip()

    @property
    def containers(self) -> list[str]:
        """Their names, in the order of their start."""
        return [*self.specs]

    def container(self, name: str) -> Container:
        """One of them."""
        return Container(self._engine, f"{self.name}-{name}")

    @property
    def log(self) -> str:
        """The end of what each container has printed."""
        logs = (f"{name}:\n{self.container(name).log[-2000:]}" for name in self.containers)
        return "\n".join(logs)

    def probe(self, container: str, kind: Kind) -> Probe:
        """A probe of the manifest."""
        return Probe.read(self.specs[container], kind)

    def url(self, container: str, port: str) -> str:
        """Where a named port of a container is reached from outside."""
        ports = {one["name"]: one["containerPort"] for one in self.specs[container]["ports"]}
        return f"http://{self.address}:{ports[port]}"

    def start(self) -> Pod:
        """Start each container when the startup probe of the one before has succeeded."""
        for name in self.containers:
            self.start_container(name)
            self.wait_until_started(name)
        while not self.is_ready:
            time.sleep(0.2)
        return self

    def start_container(self, name: str) -> None:
        """Start one, for the first time or again."""
        self._engine.podman("start", self.container(name).id)

    def wait_until_started(self, name: str) -> None:
        """Return once its startup probe succeeds; fails, with its log, when the kubelet gave up."""
        container = self.container(name)
        try:
            self.probe(name, "startupProbe").wait(self.address, lambda: container.is_running)
        except AssertionError as error:
            raise AssertionError(f"{self.name}, {name}: {error}\n{container.log[-4000:]}") from None

    @property
    def is_ready(self) -> bool:
        """Whether every container is ready."""
        return all(
            self.probe(name, "readinessProbe").succeeds(self.address) for name in self.containers
        )

    def stop(self, before: Callable[[str], None] = lambda _: None) -> list[Ended]:
        """PreStop and SIGTERM to each in turn, the last started first; SIGKILL after the grace.

        `before` is called with a container's name when it is about to get SIGTERM.
        """
        began, ended = time.monotonic(), []
        for name in reversed(self.containers):
            time.sleep(self._pause(name))
            before(name)
            told = time.monotonic() - began
            code = self.container(name).terminate(max(1, int(self.grace - told)))
            ended.append(Ended(name, code, told, time.monotonic() - began))
        return ended

    def kill(self, *names: str) -> None:
        """SIGKILL to these containers, or to all at one moment; with the last one the pod ends."""
        for pid in [self.container(name).pid for name in names or self.containers]:
            os.kill(pid, signal.SIGKILL)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Meanwhile one of them does nothing; its connections stay."""
        self._engine.podman("pause", self.container(name).id)
        try:
            yield
        finally:
            self._engine.podman("unpause", self.container(name).id)

    def remove(self) -> None:
        """End it, whatever it does, and leave nothing of it."""
        self._engine.podman("pod", "rm", "--force", "--time=0", self.name, check=False)
        self._engine.podman("volume", "rm", "--force", *self._volumes, check=False)

    def _pause(self, name: str) -> float:
        """Seconds of its preStop; there is no other kind of it in the manifests."""
        hook = self.specs[name].get("lifecycle", {}).get("preStop")
        return float(hook["sleep"]["seconds"]) if hook else 0.0
