"""docs/scaling.md: every number is computed, what is computed is right, and none of it is old."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from benchmarks.__main__ import main
from benchmarks.fleet import arithmetic, document
from benchmarks.fleet.arithmetic import Curve, Plan, fleet, in_flight_target
from benchmarks.fleet.command import refresh
from benchmarks.fleet.given import Given, Kind
from benchmarks.fleet.nodes import REAL, T4
from benchmarks.texts import challenge_texts
from benchmarks.weights import ROOT

from chorus_gateway.settings import Settings

SCALING = ROOT / "docs" / "scaling.md"
PLAN = Plan(requests_per_s=1_000_000, utilisation=0.65, zones=3, cell_nodes=1_000)
NAMES = re.compile(r"\b(T4|H100|k8s|V2)\b|`[^`]*`|\]\([^)]*\)")
FORMULA = "1 / (1 + growth per lag)"
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")


def test_nothing_is_old(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "--check"]) == 0, capsys.readouterr().err


def test_what_is_old_is_named_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "docs" / "scaling", tmp_path / "docs" / "scaling")
    text = SCALING.read_text(encoding="utf-8")
    copy = tmp_path / "docs" / "scaling.md"
    copy.write_text(text.replace("50,169", "50,170"), encoding="utf-8")
    (tmp_path / "README.md").write_text("<!-- fleet:summary -->\n<!-- /fleet:summary -->\n")
    picture = tmp_path / "docs" / "scaling" / "lag.svg"
    picture.write_text(picture.read_text().replace("fleet:", "fleet:0"))

    assert refresh(tmp_path, check=True) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in ("docs/scaling.md", "README.md", "lag.svg"))
    assert "nodes.svg" not in said

    assert refresh(tmp_path, check=False) == 0
    assert copy.read_text(encoding="utf-8") == text
    assert "50,169" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert refresh(tmp_path, check=True) == 0


def test_the_prose_has_no_number_of_its_own() -> None:
    prose = document.prose(SCALING.read_text(encoding="utf-8"))
    bare = NAMES.sub("", prose).replace(FORMULA, "").replace("(Z − 1)th", "")
    assert re.findall(r".*\d.*", bare) == []


def test_every_block_but_the_readmes_is_in_the_document() -> None:
    shown = re.findall(r"<!-- fleet:(\w+) -->", SCALING.read_text(encoding="utf-8"))
    assert Counter(shown) == Counter(document.BLOCKS.keys() - {"summary"})


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(KeyError, match="nothing"):
        document.filled("<!-- fleet:nothing -->\n<!-- /fleet:nothing -->")


def test_each_input_is_its_own_row_and_says_where_it_is_from() -> None:
    assert len(Given) == len(Given.__members__)  # an enumeration joins equal ones in silence
    assert all(given.value.source and given.value.unit for given in Given)


@pytest.mark.parametrize(
    "given", [g for g in Given if "RESULTS.md" in g.value.source and g.value.kind is Kind.MEASURED]
)
def test_measured_inputs_are_in_the_results(given: Given) -> None:
    number = (
        given.number * 1_000 if given in (Given.REAL_SECONDS, Given.REAL_ALONE) else given.number
    )
    assert re.search(
        rf"(?<![\d.]){re.escape(f'{number:g}')}(?![\d.]*\d)", RESULTS.replace(",", "")
    ), f"{given.name} is not in RESULTS.md"
    commit = re.search(r"commit (\w+)", given.value.source)
    assert commit is None or commit[1] in RESULTS


def test_the_bytes_of_a_body_are_those_of_the_texts() -> None:
    bodies = [len(json.dumps(t, ensure_ascii=False).encode()) for t in challenge_texts(3_000)]
    assert round(sum(bodies) / len(bodies)) == Given.BODY_BYTES.number


@pytest.mark.parametrize(
    ("throughput", "nodes", "reserved", "cells", "dollars"),
    [
        (46, 33_445, 50_169, 51, 37_727),
        (100, 15_385, 23_079, 24, 17_355),
        (2_000, 770, 1_155, 2, 869),
    ],
)
def test_a_fleet(throughput: float, nodes: int, reserved: int, cells: int, dollars: int) -> None:
    found = fleet(PLAN, throughput, 0.752)
    assert (found.nodes, found.reserved, found.cells) == (nodes, reserved, cells)
    assert round(found.dollars_per_hour) == dollars
    assert found.dollars_per_million == pytest.approx(found.dollars_per_hour / 3_600)


def test_what_remains_when_a_zone_is_lost_is_enough() -> None:
    for zones in (2, 3, 4):
        for nodes in (1, 5, 33_445):
            reserved = arithmetic.with_zone_lost(nodes, zones)
            assert reserved % zones == 0
            assert reserved * (zones - 1) // zones >= nodes
    assert arithmetic.with_zone_lost(7, 1) == 7


def test_growth_and_utilisation_are_each_others_inverse() -> None:
    assert arithmetic.utilisation_bound(0.1, 300) == pytest.approx(2 / 3)
    assert arithmetic.growth_bound(2 / 3, 300) == pytest.approx(0.1)


def test_nothing_is_refused_that_fits() -> None:
    assert arithmetic.refused_share(1.5, 0.65) == 0
    assert arithmetic.refused_share(2, 1) == pytest.approx(0.5)


def test_a_rollout_takes_as_many_rounds_as_it_has_batches() -> None:
    assert arithmetic.rollout_seconds(1_000, 1, 60) == 60_000
    assert arithmetic.rollout_seconds(1_000, 300, 60) == 240


def test_a_curve_meets_its_points_and_turns_back() -> None:
    curve = Curve(((1, 10), (4, 20), (16, 40)))
    assert [curve.rate(n) for n in (1, 4, 16)] == pytest.approx([10, 20, 40])
    for rate in (10, 17, 33):
        assert curve.rate(curve.in_flight(rate)) == pytest.approx(rate)
    assert curve.in_flight(5) == pytest.approx(0.5)


def test_a_target_is_those_in_flight_at_that_use_and_those_that_wait_by_chance() -> None:
    curve = Curve(((1, 10), (4, 20)))
    assert curve.in_flight(13) == pytest.approx(1.5294, abs=1e-4)
    assert arithmetic.by_chance(0.65) == pytest.approx(0.6036, abs=1e-4)
    assert in_flight_target(curve, 20, 0.65) == 3
    assert in_flight_target(curve, 20, 0.5) == 2


def _manifest(path: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((ROOT / "k8s" / path).read_text(encoding="utf-8"))
    return found


def test_keda_scales_on_the_target_of_a_t4() -> None:
    spec = _manifest("components/keda/scaledobject.yaml")["spec"]
    assert isinstance(spec, dict)
    (trigger,) = spec["triggers"]
    assert int(trigger["metadata"]["threshold"]) == T4.target
    assert spec["maxReplicaCount"] == Given.MAX_REPLICAS.number
    assert spec["pollingInterval"] == Given.POLL.number


def test_the_hpa_scales_on_the_target_of_two_cores() -> None:
    spec = _manifest("base/autoscaling.yaml")["spec"]
    assert isinstance(spec, dict)
    (metric,) = spec["metrics"]
    assert int(metric["pods"]["target"]["averageValue"]) == REAL.target


def test_the_line_that_the_document_warns_of_is_the_gateways() -> None:
    assert Settings.model_fields["max_waiting_texts"].default == Given.WAITING_TEXTS.number
