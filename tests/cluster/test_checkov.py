"""checkov over every variant: what it finds is fixed, or k8s/.checkov.yaml says why not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from tests.clients.environment import python_with
from tests.k8s.rendering import K8S, VARIANTS, rendered

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

REQUIREMENTS: Final = Path(__file__).with_name("checkov-requirements.txt")
CONFIG: Final = K8S / ".checkov.yaml"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    for variant in VARIANTS:
        (folder / f"{variant}.yaml").write_text(rendered(variant))
    return folder


def findings(manifests: Path, *options: str) -> set[tuple[str, str]]:
    """What is found, and in what; checkov must have read something."""
    checkov = python_with(REQUIREMENTS).with_name("checkov")
    done = subprocess.run(
        [
            *(str(checkov), "--directory", str(manifests), "--framework", "kubernetes"),
            *("--skip-download", "--quiet", "--compact", "--output", "json", *options),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["resource_count"] > len(VARIANTS), done.stderr
    assert report["summary"]["parsing_errors"] == 0
    return {(one["check_id"], one["resource"]) for one in report["results"]["failed_checks"]}


def test_nothing_is_found_that_is_not_argued(manifests: Path) -> None:
    assert not findings(manifests, "--config-file", str(CONFIG))


def test_what_is_argued_would_be_found(manifests: Path) -> None:
    argued = set(re.findall(r"^  - (\S+)$", CONFIG.read_text(), re.MULTILINE))

    assert {check for check, _ in findings(manifests)} == argued
