"""Each alert fires on what it is for, and on nothing that looks like it; promtool plays it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import yaml
from tests.monitoring.manifests import COMPONENT, alerts, documents

pytestmark = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed (Debian's package prometheus)"
)

POD: Final = 'namespace="chorus", pod="chorus-1"'
Series = dict[str, str]
"""Values at each minute, in promtool's notation."""


class Case(NamedTuple):
    """What an alert is about, what it is not about, and after how many minutes that is seen."""

    fires: Series
    quiet: Series
    minutes: int = 20


def requests(status: int, each_minute: int, route: str = "/process") -> Series:
    labels = f'{POD}, status="{status}", route="{route}"'
    return {f"chorus_gateway_requests_total{{{labels}}}": f"0+{each_minute}x30"}


def refusals(reason: str, each_minute: int) -> Series:
    name = f'chorus_gateway_refusals_total{{{POD}, reason="{reason}"}}'
    return {name: f"0+{each_minute}x30"}


def asked(outcome: str, each_minute: int) -> Series:
    name = f'chorus_engine_requests_total{{{POD}, model="svalabs", outcome="{outcome}"}}'
    return {name: f"0+{each_minute}x30"}


def took(below_1s: int, below_2_5s: int) -> Series:
    counts = {"0.5": 0, "1": below_1s, "2.5": below_2_5s, "+Inf": below_2_5s}
    name = "chorus_gateway_request_seconds_bucket"
    return {
        f'{name}{{{POD}, route="/process", le="{le}"}}': f"0+{count}x30"
        for le, count in counts.items()
    }


def of(metric: str, labels: str, values: str) -> Series:
    return {f"{metric}{{{POD}, {labels}}}": values}


CASES: Final = {
    "ChorusNoMetrics": Case({}, of("chorus_gateway_in_flight", 'model="process"', "0x30")),
    "ChorusScrapeFails": Case(
        of("up", 'job="chorus", container="runtime"', "0x30"),
        of("up", 'job="chorus"', "1x30") | of("up", 'job="another"', "0x30"),
    ),
    "ChorusErrors": Case(
        requests(200, 600) | requests(502, 12),
        requests(200, 600) | requests(502, 3) | requests(503, 600) | requests(400, 600),
    ),
    "ChorusRefusals": Case(
        requests(200, 600) | requests(503, 60) | refusals("full", 60),
        requests(200, 600) | refusals("full", 6) | refusals("deadline", 300),
    ),
    "ChorusSlow": Case(took(50, 100), took(100, 100)),
    "ChorusQueueAge": Case(
        of("chorus_engine_queue_age_seconds", 'model="svalabs"', "3x30"),
        of("chorus_engine_queue_age_seconds", 'model="svalabs"', "1x30")
        | of("chorus_gateway_queue_age_seconds", 'model="process"', "0x16 9 9 0x12"),
        minutes=18,
    ),
    "ChorusModelFails": Case(
        asked("answered", 600) | asked("failed", 12),
        asked("answered", 600) | asked("failed", 3) | asked("invalid", 300) | asked("refused", 60),
    ),
    "ChorusOutOfMemory": Case(
        of("chorus_engine_out_of_memory_total", 'model="svalabs"', "0x15 1x15"),
        of("chorus_engine_out_of_memory_total", 'model="svalabs"', "1x30"),
    ),
    "ChorusStockForward": Case(
        of("chorus_engine_stock_forwards_total", 'model="svalabs"', "1x30"),
        of("chorus_engine_stock_forwards_total", 'model="svalabs"', "0x30"),
    ),
    "ChorusWrongRows": Case(
        of("chorus_pipeline_miscounted_runs_total", 'model="ner"', "0x15 1x15"),
        of("chorus_engine_wrong_rows_total", 'model="svalabs"', "1x30"),
    ),
    "ChorusModelServerAway": Case(
        of("chorus_gateway_open_breakers", 'server="0"', "1x30"),
        of("chorus_gateway_open_breakers", 'server="0"', "0x30")
        | of("chorus_gateway_open_breakers", 'server="foreign"', "2x30"),
    ),
    "ChorusDiscoveryStale": Case(
        of("chorus_gateway_discovery_stale_seconds", 'container="gateway"', "0+60x30"),
        of("chorus_gateway_discovery_stale_seconds", 'container="gateway"', "0 30 0 200 0x26"),
    ),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as Prometheus reads them, without the object around them."""
    (manifest,) = documents(COMPONENT / "rules.yaml")
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(manifest["spec"]))
    return path


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def played(rules: Path, alert: str, series: Series, minutes: int, firing: int) -> str:
    """What promtool objects to, if so many of the alert do not fire then."""
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                        "eval_time": f"{minutes}m",
                        "exp_samples": [{"labels": "{}", "value": firing}] if firing else [],
                    }
                ],
            }
        ],
    }
    path = rules.with_name(f"{alert}.yaml")
    path.write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_prometheus_can_read_the_rules(rules: Path) -> None:
    done = promtool("check", "rules", rules)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


def test_every_alert_is_played() -> None:
    assert set(CASES) == set(alerts())


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_on_what_it_is_for(rules: Path, alert: str) -> None:
    case = CASES[alert]
    assert played(rules, alert, case.fires, case.minutes, firing=1) == ""


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_does_not_fire_on_what_looks_like_it(rules: Path, alert: str) -> None:
    case = CASES[alert]
    assert played(rules, alert, case.quiet, case.minutes, firing=0) == ""


def test_an_alert_that_does_not_fire_is_noticed(rules: Path) -> None:
    case = CASES["ChorusErrors"]
    assert "FAILED" in played(rules, "ChorusErrors", case.quiet, case.minutes, firing=1)
