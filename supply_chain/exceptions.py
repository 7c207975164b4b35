"""audit-exceptions.toml: published holes that we live with for a while, and why."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

LONGEST = datetime.timedelta(days=366)
"""After which an exception must have been thought about again."""

_FIELDS = {"id": str, "package": str, "reason": str, "date": datetime.date, "expiry": datetime.date}


class ExceptionsError(Exception):
    """The file is not what its head says."""


@dataclass(frozen=True)
class Accepted:
    """One hole of one package, accepted until its expiry."""

    id: str
    package: str
    reason: str
    date: datetime.date
    expiry: datetime.date

    def expired(self, today: datetime.date) -> bool:
        return today >= self.expiry


def read(file: Path) -> list[Accepted]:
    """All of them, expired ones included.

    Raises ExceptionsError naming what is missing, odd, or accepted for longer than a year.
    """
    try:
        table = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ExceptionsError(f"{file.name}: {error}") from error
    if table.keys() - {"exception"}:
        raise ExceptionsError(f"{file.name}: only [[exception]] is known")
    return [_accepted(row, file.name) for row in table.get("exception", [])]


def _accepted(row: dict[str, Any], file: str) -> Accepted:
    # By exact type: a datetime is a date too, but cannot be compared with one.
    if row.keys() != _FIELDS.keys() or any(type(row[key]) is not _FIELDS[key] for key in row):
        raise ExceptionsError(f"{file}: an exception has id, package, reason, date and expiry")
    if not row["reason"].strip():
        raise ExceptionsError(f"{file}: {row['id']} needs a reason")
    if not row["date"] < row["expiry"] <= row["date"] + LONGEST:
        raise ExceptionsError(f"{file}: {row['id']} must expire within a year after its date")
    return Accepted(**row | {"package": canonicalize_name(row["package"])})
