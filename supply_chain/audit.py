"""Ask a database of published holes about every pin: `make audit`.

Exits with 0 where there is none that audit-exceptions.toml does not excuse, 1 where there is one or
an exception has expired, 2 for wrong arguments or files, 3 where the database could not be asked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from supply_chain import exceptions, pins, report

GOOD, BAD, WRONG, NOT_AUDITED = range(4)
CONTROL = "python-multipart"
"""CVE-2024-24762: a report that does not show it was made without a database."""
_CONTROL_PIN = f"{CONTROL}==0.0.6"
_EXCEPTIONS = pins.ROOT / "audit-exceptions.toml"
_TIMEOUT_S = 600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Say on stderr what was found; the exit code."""
    arguments = _parser().parse_args(argv)
    files = arguments.requirements or [*pins.HASHED, pins.TORCH]
    try:
        asked = {pin.name: pin.version for file in files for pin in pins.read(file)}
        accepted = exceptions.read(arguments.exceptions)
    except (pins.PinsError, exceptions.ExceptionsError, OSError) as error:
        return _say(f"cannot audit: {error}", WRONG)
    try:
        output = _ask(asked, arguments)
        found = report.findings(output, asked, CONTROL)
    except report.NotAudited as error:
        return _say(f"NOT AUDITED: {error}; this says nothing about the pins", NOT_AUDITED)
    verdict = report.judge(found, accepted, datetime.now(UTC).date())
    for finding in verdict.open:
        _say(f"{finding}")
    for exception in verdict.expired:
        _say(f"{exception.package}: the exception for {exception.id} expired {exception.expiry}")
    for exception in verdict.unused:
        _say(f"{exception.package}: the exception for {exception.id} excuses nothing, delete it")
    if not verdict.good:
        return BAD
    return _say(f"{len(asked)} pins, no published hole but those excused", GOOD)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make audit", description=__doc__)
    parser.add_argument("-s", "--service", choices=("osv", "pypi"), default="osv")
    parser.add_argument("--osv-url", help="a mirror of OSV's query address")
    parser.add_argument("--exceptions", type=Path, default=_EXCEPTIONS)
    parser.add_argument("requirements", nargs="*", type=Path, help="default: all of them")
    return parser


def _ask(asked: dict[str, str], arguments: argparse.Namespace) -> str:
    """pip-audit's JSON about these versions and the control.

    Raises NotAudited where it does not end in time.
    """
    lines = [*(f"{name}=={version}" for name, version in asked.items()), _CONTROL_PIN]
    command = [
        *(sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json"),
        *("--progress-spinner", "off", "--desc", "off", "--aliases", "on"),
        *("--vulnerability-service", arguments.service),
    ]
    if arguments.osv_url:
        command += ["--osv-url", arguments.osv_url]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pins.txt")
        file.write_text("\n".join(lines))
        try:
            done = subprocess.run(  # noqa: S603
                [*command, "--requirement", str(file)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # warnings, and a traceback where there is no network
                text=True,
                timeout=_TIMEOUT_S,
                check=False,  # 1 is a finding as well as an error
            )
        except subprocess.TimeoutExpired as error:
            raise report.NotAudited("the database did not answer in time") from error
    if not done.stdout:
        raise report.NotAudited("the database could not be reached")
    return done.stdout


def _say(line: str, code: int = GOOD) -> int:
    sys.stderr.write(f"audit: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
