"""audit-exceptions.toml: whole, reasoned, and not for long."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from supply_chain import exceptions, pins

GOOD = {
    "id": '"CVE-2099-0001"',
    "package": '"Some.Package"',
    "reason": '"it is never called"',
    "date": "2099-01-01",
    "expiry": "2099-04-01",
}


def read(folder: Path, **fields: str) -> list[exceptions.Accepted]:
    file = folder / "exceptions.toml"
    rows = "\n".join(f"{key} = {value}" for key, value in fields.items())
    file.write_text(f"[[exception]]\n{rows}\n")
    return exceptions.read(file)


def test_a_good_one(tmp_path: Path) -> None:
    (accepted,) = read(tmp_path, **GOOD)
    assert accepted.package == "some-package"
    assert not accepted.expired(date(2099, 3, 31))
    assert accepted.expired(date(2099, 4, 1))


@pytest.mark.parametrize("field", GOOD)
def test_no_field_may_be_missing(tmp_path: Path, field: str) -> None:
    with pytest.raises(exceptions.ExceptionsError, match="has id, package, reason"):
        read(tmp_path, **{key: value for key, value in GOOD.items() if key != field})


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": '"  "'},
        {"expiry": "2100-01-03"},
        {"expiry": "2099-01-01"},
        {"expiry": '"2099-04-01"'},
        {"expiry": "2099-04-01T00:00:00"},
        {"until": "2099-04-01"},
    ],
)
def test_wrong_ones_are_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(exceptions.ExceptionsError, match=r"^exceptions\.toml: "):
        read(tmp_path, **GOOD | wrong)


@pytest.mark.parametrize("text", ["[[exceptions]]\n", "exception ="])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    file = tmp_path / "exceptions.toml"
    file.write_text(text)
    with pytest.raises(exceptions.ExceptionsError, match=r"^exceptions\.toml: "):
        exceptions.read(file)


def test_ours_can_be_read() -> None:
    exceptions.read(pins.ROOT / "audit-exceptions.toml")
