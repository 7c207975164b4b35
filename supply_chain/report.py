"""What pip-audit found, and what is left of it after the exceptions."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from packaging.utils import canonicalize_name

from supply_chain.exceptions import Accepted

_NAMED = 5


class NotAudited(Exception):
    """The database could not be asked about everything; this is no success."""


@dataclass(frozen=True)
class Finding:
    """A published hole in a version that is pinned."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        remedy = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no fix yet"
        return f"{self.package} {self.version}: {', '.join(self.ids)}; {remedy}"


@dataclass(frozen=True)
class Verdict:
    """The findings that nothing excuses, the exceptions that expired, those that excuse nothing."""

    open: tuple[Finding, ...]
    expired: tuple[Accepted, ...]
    unused: tuple[Accepted, ...]

    @property
    def good(self) -> bool:
        return not self.open and not self.expired


def findings(output: str, asked: Collection[str], control: str) -> list[Finding]:
    """The findings of pip-audit's JSON, without those of the control.

    Raises NotAudited where it is no report, a package was skipped or is missing, or the control, a
    version with a hole that everybody knows, is said to have none: pip-audit calls a package
    without an entry clean, so a database that knows nothing would pass.
    """
    try:
        rows = {canonicalize_name(row["name"]): row for row in json.loads(output)["dependencies"]}
        skipped = {name for name, row in rows.items() if "vulns" not in row}
        found = [
            _finding(name, row["version"], vuln)
            for name, row in rows.items()
            for vuln in row.get("vulns", ())
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise NotAudited("pip-audit gave no report") from error
    missing = sorted(skipped | {*asked, control} - rows.keys())
    if missing:
        raise NotAudited(f"the database has no answer for {_some(missing)}")
    if not any(finding.package == control for finding in found):
        raise NotAudited(f"the database does not know the hole in {control}, so it is of no use")
    return [finding for finding in found if finding.package != control]


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _finding(package: str, version: str, vuln: dict[str, list[str]]) -> Finding:
    ids = (str(vuln["id"]), *vuln.get("aliases", ()))
    return Finding(package, version, ids, tuple(vuln.get("fix_versions", ())))


def judge(found: Sequence[Finding], accepted: Sequence[Accepted], today: date) -> Verdict:
    """Hold the findings against the exceptions that are in force today."""
    valid = [exception for exception in accepted if not exception.expired(today)]
    return Verdict(
        open=tuple(hole for hole in found if not any(_excuses(one, hole) for one in valid)),
        expired=tuple(exception for exception in accepted if exception.expired(today)),
        unused=tuple(one for one in valid if not any(_excuses(one, hole) for hole in found)),
    )


def _excuses(exception: Accepted, finding: Finding) -> bool:
    return exception.package == finding.package and exception.id in finding.ids
