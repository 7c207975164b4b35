"""Rows as tables, Markdown and lines of JSON."""

import json
from pathlib import Path

import pytest
from benchmarks.machine import circumstances
from benchmarks.report import brief, json_line, publish, summary, table

from chorus.load.tally import Report

NAN = float("nan")


def report(good: int, **other: float) -> Report:
    counts = {"wrong": 0, "refused": 0, "errors": 0, "dropped": 0}
    times = {"p50_ms": 10.0, "p99_ms": 20.0}
    cpu = {"generator_cpu_s": 0.5, "server_cpu_s": 1.0, "machine_cpu_s": 1.5}
    return Report(**{"clients": 4, "seconds": 2.0, "good": good, **counts, **times, **cpu, **other})  # type: ignore[arg-type]


def test_repeats_become_medians_and_a_range_but_failures_are_added() -> None:
    row = summary([report(100, wrong=1), report(300, refused=2), report(120, dropped=3)])
    assert row["good_per_s"] == 60
    assert row["good_per_s_range"] == [50, 150]
    assert (row["wrong"], row["refused"], row["dropped"]) == (1, 2, 3)
    assert row["sent"] == 523


def test_what_spoils_a_measurement_is_said() -> None:
    assert brief(report(100)) == "50.0 good/s, p50 10 ms"
    assert "2 wrong" in brief(report(100, wrong=2))
    assert "3.0 CPU s taken by other processes" in brief(report(100, machine_cpu_s=4.5))


COLUMNS = {"peer": "peer", "rate": "good/s", "range": "range", "none": "nowhere"}
ROWS = [
    {"peer": "a", "rate": 1234.5, "range": [1.0, 2.5], "hidden": 1},
    {"peer": "long", "rate": NAN},
]


def test_a_table_has_the_columns_that_rows_have() -> None:
    assert table(ROWS, COLUMNS).splitlines() == [
        "peer  good/s  range",
        "a       1234  1-2.5",
        "long       -      -",
    ]


def test_a_markdown_table_can_be_pasted() -> None:
    assert table(ROWS, COLUMNS, markdown=True).splitlines() == [
        "| peer | good/s | range |",
        "| ---- | -----: | ----: |",
        "| a    |   1234 | 1-2.5 |",
        "| long |      - |     - |",
    ]


def test_lines_are_printed_and_appended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "rows.jsonl"
    for _ in range(2):
        publish(ROWS, COLUMNS, output=output)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert lines == 2 * [ROWS[0], {"peer": "long", "rate": None}]
    assert json_line(ROWS[1]) in capsys.readouterr().out


def test_circumstances_say_when_where_and_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "peers", "--setting", "stock=batch off"])
    row = circumstances()
    assert row["command"] == "python -m benchmarks peers --setting 'stock=batch off'"
    assert "cores" in row["machine"]
    assert row["commit"]
    assert len(row["date"].split("-")) == 3
