"""Rows of results: a table for people, a line of JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.loadgen import Report

COLUMNS = (
    ("peer", "{peer:<16}"),
    ("setting", "{setting:<24}"),
    ("clients", "{clients:>7}"),
    ("good/s", "{good_per_s:>8}"),
    ("range", "{range:>15}"),
    ("p50 ms", "{p50_ms:>8}"),
    ("p99 ms", "{p99_ms:>8}"),
    ("wrong", "{wrong:>6}"),
    ("errors", "{errors:>6}"),
    ("CPU s server", "{server_cpu_s:>12}"),
    ("CPU s generator", "{generator_cpu_s:>15}"),
    ("CPU s others", "{others_cpu_s:>12}"),
    ("arithmetic", "{arithmetic}"),
)


@dataclass
class Row:
    """One peer in one setting: all its repeats."""

    peer: str
    setting: str
    arithmetic: str
    reports: list[Report] = field(default_factory=list)

    @property
    def good_per_s(self) -> float:
        """Median over the repeats."""
        return median(report.good_per_s for report in self.reports)

    def values(self) -> dict[str, Any]:
        """What both forms show: medians, but the sums of wrong answers and errors."""
        rates = [round(report.good_per_s, 1) for report in self.reports]
        failures = (report.first_failure for report in self.reports)
        return {
            "peer": self.peer,
            "setting": self.setting,
            "clients": self.reports[0].clients,
            "good_per_s": round(self.good_per_s, 1),
            "repeats": rates,
            "p50_ms": round(median(report.p50_ms for report in self.reports), 1),
            "p99_ms": round(median(report.p99_ms for report in self.reports), 1),
            "wrong": sum(report.wrong for report in self.reports),
            "errors": sum(report.errors for report in self.reports),
            "seconds": round(median(report.seconds for report in self.reports), 2),
            "server_cpu_s": round(median(report.server_cpu_s for report in self.reports), 1),
            "generator_cpu_s": round(median(report.generator_cpu_s for report in self.reports), 1),
            "others_cpu_s": round(median(report.others_cpu_s for report in self.reports), 1),
            "arithmetic": self.arithmetic,
            "first_failure": next((failure for failure in failures if failure), None),
        }


def table(rows: list[Row]) -> str:
    """The rows under a header, in columns."""
    lines = [{_key(form): name for name, form in COLUMNS}]
    for row in rows:
        values = row.values()
        rates = values["repeats"]
        values["range"] = f"{min(rates):.0f}-{max(rates):.0f}"
        lines.append(values)
    return "\n".join(
        "  ".join(form.format_map(values) for _, form in COLUMNS).rstrip() for values in lines
    )


def _key(form: str) -> str:
    """The name of the value in a column's format."""
    return form.strip("{}").partition(":")[0]


def json_line(values: dict[str, Any]) -> str:
    """Compact JSON; a number that is none (no good answer, so no latency) becomes null."""
    clean = {name: None if value != value else value for name, value in values.items()}
    return json.dumps(clean, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
