"""`make audit` with the real pip-audit, and a vulnerability service on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from supply_chain import audit
from tests.conftest import free_port
from tests.supply_chain.osv import Holes, database

KNOWN: Holes = {("python-multipart", "0.0.6"): "PYSEC-2024-38"}
HOLED: Holes = {**KNOWN, ("jinja2", "3.1.5"): "CVE-2025-27516"}


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text(f"Jinja2==3.1.5 --hash=sha256:{'0' * 64}\n")
    return file


def run(pinned: Path, url: str, exceptions: str = "") -> int:
    file = pinned.with_name("exceptions.toml")
    file.write_text(exceptions)
    return audit.main(["--osv-url", url, "--exceptions", str(file), str(pinned)])


def accepted(date: str, expiry: str) -> str:
    return (
        '[[exception]]\nid = "CVE-2025-27516"\npackage = "jinja2"\nreason = "a test"\n'
        f"date = {date}\nexpiry = {expiry}\n"
    )


def test_a_hole_fails_it(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with database(HOLED) as url:
        assert run(pinned, url) == audit.BAD
    assert capsys.readouterr().err == "audit: jinja2 3.1.5: CVE-2025-27516; fixed in 9.9\n"


def test_no_hole_is_good(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with database(KNOWN) as url:
        assert run(pinned, url) == audit.GOOD
    assert capsys.readouterr().err.startswith("audit: 1 pins, no published hole but")


def test_an_exception_that_has_expired_fails_it(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(HOLED) as url:
        assert run(pinned, url, accepted("2025-01-01", "2025-02-01")) == audit.BAD
    assert "expired 2025-02-01" in capsys.readouterr().err


@pytest.mark.parametrize(("holes", "status"), [({}, 200), (HOLED, 500)])
def test_a_database_that_knows_nothing_is_no_success(
    pinned: Path, holes: Holes, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(holes, status) as url:
        assert run(pinned, url) == audit.NOT_AUDITED
    assert "NOT AUDITED" in capsys.readouterr().err


def test_nor_is_one_that_is_not_there(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pinned, f"http://127.0.0.1:{free_port()}/") == audit.NOT_AUDITED
    err = capsys.readouterr().err
    assert "could not be reached" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("text", ["jinja2>=3", "-e ."])
def test_what_is_no_pin_cannot_be_audited(pinned: Path, text: str) -> None:
    pinned.write_text(text)
    assert run(pinned, "http://127.0.0.1/") == audit.WRONG
