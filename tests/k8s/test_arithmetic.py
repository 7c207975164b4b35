"""Targets of autoscalers are what docs/scaling.md computes, and say how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from benchmarks.fleet.arithmetic import by_chance
from benchmarks.fleet.nodes import PLAN, REAL, T4
from tests.k8s.rendering import K8S

FORMULA = re.compile(
    r"# in flight = (?P<steady>[\d.]+) at (?P<use>[\d.]+) x (?P<rate>[\d.]+)/s"
    r" \+ (?P<chance>[\d.]+) by chance, rounded up\s+"
    r".*?(?:averageValue|threshold|value): \"(?P<target>\d+)\""
)
NODES = {node.throughput: node for node in (REAL, T4)}
FILES = [path for path in sorted(K8S.rglob("*.yaml")) if "in flight =" in path.read_text()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(K8S)))
def test_a_target_is_what_its_formula_says(path: Path) -> None:
    (found,) = FORMULA.finditer(path.read_text())
    node, use = NODES[float(found["rate"])], float(found["use"])

    assert node.curve is not None
    assert use == PLAN.utilisation
    assert float(found["steady"]) == pytest.approx(
        node.curve.in_flight(use * node.throughput), abs=0.01
    )
    assert float(found["chance"]) == pytest.approx(by_chance(use), abs=0.01)
    assert int(found["target"]) == node.target


def test_every_autoscaler_says_its_formula() -> None:
    assert [str(path.relative_to(K8S)) for path in FILES] == [
        "base/autoscaling.yaml",
        "components/keda/scaledobject.yaml",
        "kserve/inferenceservice.yaml",
    ]
