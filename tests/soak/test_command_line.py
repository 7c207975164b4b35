"""The command's help and its refusals."""

from __future__ import annotations

import pytest
from tests.soak.__main__ import main
from tests.soak.plan import Plan


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "make soak ARGS=" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--minutes", "0"], ["--minutes", "nan"], ["--share", "1.5"], ["--subject", "nobody"]],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize(("minutes", "warmup_s"), [(60, 300), (10, 240), (5, 120)])
def test_the_warm_up_is_five_minutes_or_four_tenths(minutes: float, warmup_s: float) -> None:
    assert Plan(minutes).warmup_s == warmup_s
