"""The parts of a variant that are broken on purpose, each as it may be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tests.k8s.manifests import Manifests
from tests.k8s.rendering import Item
from tests.k8s.rules import Rule

Break = Callable[[Manifests], Any]
Mutations = dict[str, tuple[str, Break, Rule]]
"""By what is broken: the variant, how, and the rule that notices."""


def deployment(manifests: Manifests) -> Item:
    return cast(Item, manifests.of("Deployment")[0]["spec"])


def pod(manifests: Manifests) -> Item:
    return cast(Item, deployment(manifests)["template"]["spec"])


def gateway(manifests: Manifests) -> Item:
    return cast(Item, pod(manifests)["containers"][0])


def runtime(manifests: Manifests) -> Item:
    (container,) = (one for one in pod(manifests)["initContainers"] if one["name"] == "runtime")
    return cast(Item, container)


def data(manifests: Manifests, name: str) -> Item:
    found = manifests.of("ConfigMap")
    (item,) = (one for one in found if one["metadata"]["name"].startswith(name))
    return cast(Item, item["data"])


def policy(manifests: Manifests, name: str) -> Item:
    return cast(Item, manifests.one("NetworkPolicy", name)["spec"])


def scaled(manifests: Manifests) -> Item:
    return cast(Item, manifests.of("ScaledObject")[0]["spec"])


def drop(manifests: Manifests, kind: str) -> None:
    manifests.items[:] = [item for item in manifests.items if item["kind"] != kind]


def reverse_init(manifests: Manifests) -> None:
    pod(manifests)["initContainers"].reverse()
