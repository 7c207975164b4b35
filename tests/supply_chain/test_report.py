"""What pip-audit's report means; the report is one that it wrote, shortened."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from supply_chain.exceptions import Accepted
from supply_chain.report import Finding, NotAudited, findings, judge

CONTROL: dict[str, Any] = {
    "name": "python-multipart",
    "version": "0.0.6",
    "vulns": [{"id": "PYSEC-2024-38", "fix_versions": ["0.0.7"], "aliases": ["CVE-2024-24762"]}],
}
CLEAN = {"name": "yarl", "version": "1.25.1", "vulns": []}
HOLED = {
    "name": "Jinja2",
    "version": "3.1.5",
    "vulns": [
        {
            "id": "GHSA-cpwx-vrp4-4pq7",
            "fix_versions": ["3.1.6"],
            "aliases": ["CVE-2025-27516"],
        }
    ],
}
SKIPPED = {"name": "yarl", "skip_reason": "Dependency not found on PyPI"}
HOLE = Finding("jinja2", "3.1.5", ("GHSA-cpwx-vrp4-4pq7", "CVE-2025-27516"), ("3.1.6",))
TODAY = date(2099, 2, 1)


def report(*rows: dict[str, Any]) -> str:
    return json.dumps({"dependencies": rows, "fixes": []})


def accepted(package: str = "jinja2", of: str = "CVE-2025-27516", month: int = 3) -> Accepted:
    return Accepted(of, package, "sandboxed", date(2099, 1, 1), date(2099, month, 1))


def test_a_hole_is_found() -> None:
    found = findings(report(CONTROL, CLEAN, HOLED), ["yarl", "jinja2"], CONTROL["name"])
    assert found == [HOLE]
    assert str(HOLE) == "jinja2 3.1.5: GHSA-cpwx-vrp4-4pq7, CVE-2025-27516; fixed in 3.1.6"


def test_without_one_there_is_none() -> None:
    assert findings(report(CONTROL, CLEAN), ["yarl"], CONTROL["name"]) == []


@pytest.mark.parametrize(
    "output",
    [
        "",
        "[]",
        "{}",
        report(),
        report(CLEAN),
        report(CONTROL),
        report(CONTROL, SKIPPED),
        report(CONTROL | {"vulns": []}, CLEAN),
        report(CONTROL, {"name": "yarl", "version": "1.25.1", "vulns": [{}]}),
    ],
)
def test_a_report_of_less_than_everything_is_no_success(output: str) -> None:
    with pytest.raises(NotAudited):
        findings(output, ["yarl"], CONTROL["name"])


def test_many_without_an_answer_are_one_line() -> None:
    asked = [f"p{number:03}" for number in range(100)]
    with pytest.raises(NotAudited, match="p000, p001, p002, p003, p004 and 95 more"):
        findings(report(CONTROL), asked, CONTROL["name"])


@pytest.mark.parametrize("of", HOLE.ids)
def test_an_exception_excuses_by_any_of_the_ids(of: str) -> None:
    verdict = judge([HOLE], [accepted(of=of)], TODAY)
    assert verdict.good
    assert verdict.unused == ()


@pytest.mark.parametrize("wrong", [accepted(package="yarl"), accepted(of="CVE-2025-1")])
def test_one_for_something_else_does_not(wrong: Accepted) -> None:
    verdict = judge([HOLE], [wrong], TODAY)
    assert not verdict.good
    assert (verdict.open, verdict.unused) == ((HOLE,), (wrong,))


def test_an_expired_one_fails_even_where_there_is_no_hole() -> None:
    expired = accepted(month=2)
    assert judge([], [expired], TODAY).expired == (expired,)
    assert not judge([], [expired], TODAY).good
    assert judge([HOLE], [expired], TODAY).open == (HOLE,)
