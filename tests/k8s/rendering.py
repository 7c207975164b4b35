"""The manifests as a cluster gets them: every overlay, every component on the base, each road."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (K8S / "components").iterdir())
ROADS = ["kserve", "seldon-core-2"]
TOGETHER = "gpu+gateway-api+keys+mlflow+monitoring+tracing"
VARIANTS = [*OVERLAYS, *(f"base+{name}" for name in COMPONENTS), TOGETHER, *ROADS]

Item = dict[str, Any]


def need_kubectl() -> None:
    """Skip the test, saying why, where nothing can be rendered."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing: manifests are not rendered, nothing here is tested")


@cache
def rendered(variant: str) -> str:
    """The YAML of a variant."""
    need_kubectl()
    start, *components = variant.split("+")
    if not components:
        return kustomize(folder_of(start))
    with tempfile.TemporaryDirectory() as name:
        copy = shutil.copytree(K8S, Path(name) / "k8s")
        folder = copy / "variant"
        folder.mkdir()
        build = {
            "namespace": "chorus",
            "resources": [f"../{folder_of(start).relative_to(K8S)}"],
            "components": [f"../components/{one}" for one in components],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(build))
        return kustomize(folder)


def folder_of(variant: str) -> Path:
    """Where an overlay, the base or a road is."""
    return K8S / ("overlays" if variant in OVERLAYS else "") / variant


def items(variant: str) -> list[Item]:
    """The objects of a variant; the caller may change them."""
    return deepcopy(_parsed(variant))


@cache
def _parsed(variant: str) -> list[Item]:
    return [item for item in yaml.safe_load_all(rendered(variant)) if item]


def kustomize(folder: Path) -> str:
    """What kustomize makes of a folder; fails the test with its words."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
