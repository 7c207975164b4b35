"""A rendered variant, and what is asked of it: pods, containers, their settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.k8s.rendering import Item

UNITS = {"m": 1e-3, "Mi": 2.0**20, "Gi": 2.0**30}


@dataclass(frozen=True)
class Container:
    """A container, and the pod that it is in."""

    spec: Item
    pod: Pod
    is_init: bool

    @property
    def name(self) -> str:
        return f"{self.pod.name}/{self.spec['name']}"

    @property
    def stays(self) -> bool:
        """Whether it runs as long as the pod."""
        return not self.is_init or self.spec.get("restartPolicy") == "Always"

    @property
    def program(self) -> str:
        """`chorus_gateway`, `mlserver_chorus.server`, `chorus`, or another's name."""
        command = self.spec.get("command", [""])
        return str(command[2] if command[:2] == ["python", "-m"] else command[0])

    @property
    def ports(self) -> dict[str, int]:
        """By name, or by number where there is none."""
        ports = self.spec.get("ports", [])
        return {
            port.get("name", str(port["containerPort"])): port["containerPort"] for port in ports
        }

    def resource(self, name: str, of: str = "requests") -> float:
        """Cores, or bytes; 0 where nothing is said."""
        return quantity(self.spec.get("resources", {}).get(of, {}).get(name, 0))

    def environment(self, manifests: Manifests) -> dict[str, str | None]:
        """Its variables as the kubelet sets them; None for what a Secret holds."""
        found: dict[str, str | None] = {}
        for source in self.spec.get("envFrom", []):
            found |= manifests.one("ConfigMap", source["configMapRef"]["name"])["data"]
        return found | {one["name"]: one.get("value") for one in self.spec.get("env", [])}


@dataclass(frozen=True)
class Pod:
    """What an object says of its pods."""

    owner: Item
    spec: Item
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.owner['kind']} {self.owner['metadata']['name']}"

    @property
    def is_whole(self) -> bool:
        """Whether nobody else adds to it, as Seldon does to a Server's."""
        return str(self.owner["kind"]) != "Server"

    @property
    def containers(self) -> list[Container]:
        """Init containers first, in the order in which they are started."""
        init = [Container(spec, self, True) for spec in self.spec.get("initContainers", [])]
        return init + [Container(spec, self, False) for spec in self.spec["containers"]]

    def container(self, program: str) -> Container | None:
        """The one that stays and runs a program."""
        found = (one for one in self.containers if one.program == program and one.stays)
        return next(found, None)


@dataclass(frozen=True)
class Manifests:
    """All objects of a variant."""

    items: list[Item]

    def of(self, *kinds: str) -> list[Item]:
        return [item for item in self.items if item["kind"] in kinds]

    def one(self, kind: str, name: str) -> Item:
        """The object of a name; fails the test without it."""
        found = [item for item in self.of(kind) if item["metadata"]["name"] == name]
        assert found, f"there is no {kind} {name}"
        return found[0]

    def has(self, kind: str, name: str) -> bool:
        return any(item["metadata"]["name"] == name for item in self.of(kind))

    def using(self, runtime: str) -> list[Item]:
        """The InferenceServices of a ServingRuntime."""
        found = self.of("InferenceService")
        return [one for one in found if one["spec"]["predictor"]["model"]["runtime"] == runtime]

    @property
    def pods(self) -> list[Pod]:
        return list(self._pods())

    @property
    def containers(self) -> list[Container]:
        return [container for pod in self.pods for container in pod.containers]

    def selected(self, labels: Mapping[str, str]) -> list[Pod]:
        """The pods that have all of these labels."""
        return [pod for pod in self.pods if labels.items() <= pod.labels.items()]

    def _pods(self) -> Iterator[Pod]:
        for item in self.items:
            spec, name = item.get("spec", {}), item["metadata"]["name"]
            match item["kind"]:
                case "Deployment":
                    template = spec["template"]
                    yield Pod(item, template["spec"], template["metadata"]["labels"])
                case "ServingRuntime":
                    yield Pod(item, spec, self._labels_by_kserve(name))
                case "Server":
                    yield Pod(item, spec["podSpec"], {"seldon-server-name": name})  # as Seldon does

    def _labels_by_kserve(self, runtime: str) -> dict[str, str]:
        names = [one["metadata"]["name"] for one in self.using(runtime)]
        return {"serving.kserve.io/inferenceservice": names[0]} if names else {}


def quantity(value: Any) -> float:
    """A quantity of Kubernetes as a number."""
    matched = re.fullmatch(r"([0-9.]+)(m|Mi|Gi)?", str(value))
    assert matched, f"{value!r} is no quantity that is used here"
    return float(matched[1]) * UNITS.get(matched[2], 1.0)
