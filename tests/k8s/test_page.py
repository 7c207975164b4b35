"""docs/kubernetes.md says what there is, and its examples work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from tests.k8s.manifests import Container, Manifests
from tests.k8s.rendering import COMPONENTS, K8S, OVERLAYS, ROADS, items, kustomize, need_kubectl
from tests.k8s.rules.table import RULES
from tests.k8s.rules.timing import LAST
from tests.k8s.test_arithmetic import FORMULA

PAGE = K8S.parent / "docs" / "kubernetes.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_table_has_a_row_for_each_folder() -> None:
    rows = set(re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE))
    folders = {f"overlays/{name}" for name in OVERLAYS} | {
        f"components/{name}" for name in COMPONENTS
    }

    assert rows >= {"base", *folders, *ROADS}


def test_the_seconds_of_a_stop_are_those_of_the_manifest() -> None:
    manifests = Manifests(items("cpu"))
    (pod,) = manifests.pods
    gateway, runtime = pod.container("chorus_gateway"), pod.container("mlserver_chorus.server")
    assert gateway
    assert runtime
    told = float(gateway.spec["lifecycle"]["preStop"]["sleep"]["seconds"])
    closed = told + seconds(gateway, manifests, "DELAY")
    gone = closed + seconds(gateway, manifests, "TIMEOUT") + LAST
    unready = gone + seconds(runtime, manifests, "DELAY")
    ended = unready + seconds(runtime, manifests, "TIMEOUT") + LAST
    killed = pod.spec["terminationGracePeriodSeconds"]

    section = PAGE.read_text().partition("### A stop, in seconds")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| (\d+)(?: at the latest)? \|", section, re.MULTILINE)

    times = [0, told, closed, gone, unready, ended, killed]
    assert [float(one) for one in shown] == times


def seconds(container: Container, manifests: Manifests, name: str) -> float:
    return float(container.environment(manifests)[f"CHORUS_DRAIN_{name}"] or 0)


@pytest.mark.parametrize("path", ["base/autoscaling.yaml", "components/keda/scaledobject.yaml"])
def test_the_formulas_are_those_of_the_autoscalers(path: str) -> None:
    (found,) = FORMULA.finditer((K8S / path).read_text())

    assert "{target} a pod: {steady} at {use} × {rate}/s".format(**found.groupdict()) in (
        PAGE.read_text()
    )


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A folder beside a copy of the manifests, for an overlay of one's own."""
    need_kubectl()
    shutil.copytree(K8S, tmp_path / "k8s")
    folder = tmp_path / "deploy"
    folder.mkdir()
    return folder


def build(folder: Path, text: str) -> Manifests:
    (folder / "kustomization.yaml").write_text(text)
    return Manifests([item for item in yaml.safe_load_all(kustomize(folder)) if item])


def test_an_overlay_of_ones_own(deploy: Path) -> None:
    (text,) = (one for one in EXAMPLES if "deploy/kustomization.yaml" in one)

    manifests = build(deploy, text)

    images = {container.spec["image"] for container in manifests.containers}
    assert images == {
        "registry.example.com/chorus-runtime:0.1.0",
        "registry.example.com/chorus-gateway:0.1.0",
    }
    rules = [rule for rule in RULES if rule.__name__ != "images"]  # a registry of theirs
    assert not [line for rule in rules for line in rule(manifests)]


def test_weights_from_an_image_of_ones_own(deploy: Path) -> None:
    (patch,) = (one for one in EXAMPLES if "chorus-weights" in one)
    base = {
        "namespace": "chorus",
        "resources": ["../k8s/base"],
        "components": ["../k8s/components/weights-image"],
    }

    (pod,) = build(deploy, yaml.safe_dump(base) + patch).pods

    (volume,) = (one for one in pod.spec["volumes"] if one["name"] == "models")
    assert volume["image"]["reference"] == "registry.example.com/chorus-weights:0.1.0"
