"""`compose.yaml`: right by its specification, and really started."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from supply_chain import images
from supply_chain.images import ROOT
from tests.clients.environment import python_with
from tests.cluster.containers import START_SECONDS, Engine, succeeds, wait_until
from tests.conftest import free_port

pytestmark = pytest.mark.cluster

REQUIREMENTS = Path(__file__).with_name("compose-requirements.txt")
SCHEMA = ("--builtin-schema", "vendor.compose-spec")
FILES = ("compose.yaml", "compose/gpu.yaml")


def program(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What a program of the environment prints; the test fails when it does."""
    command = [str(python_with(REQUIREMENTS).with_name(name)), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("file", FILES)
def test_it_is_what_the_specification_allows(file: str) -> None:
    program("check-jsonschema", *SCHEMA, file)


def test_the_specification_would_say_so(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text().replace("read_only:", "readonly:"))
    with pytest.raises(AssertionError, match="readonly"):
        program("check-jsonschema", *SCHEMA, str(wrong))


@pytest.fixture
def up(engine: Engine, image: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """`compose --profile ui up`; the gateway's URL, and the page's."""
    for target in images.IMAGES:
        image(target)
    ports = {f"CHORUS_{name}PORT": str(free_port()) for name in ("", "V2_", "GRPC_", "UI_")}
    environment = {**engine.environment, **ports}
    command = ("podman-compose", "--project-name", "chorus-test", "--profile", "ui")
    program(*command, "up", "--detach", "--no-build", environment=environment)
    gateway, page = (f"http://127.0.0.1:{ports[f'CHORUS_{name}PORT']}" for name in ("", "UI_"))
    yield gateway, page
    program(*command, "down", "--volumes", environment=environment)


def test_up_serves(up: tuple[str, str]) -> None:
    gateway, page = up
    wait_until(lambda: succeeds(f"{gateway}/readyz"), START_SECONDS)
    answer = httpx.post(f"{gateway}/process", json="I love this", timeout=60)
    assert answer.status_code == 200
    assert len(answer.json()) == 5
    assert answer.headers["x-chorus-weights"] == "standin"
    wait_until(lambda: succeeds(f"{page}/healthz"), START_SECONDS)
    assert "Chorus" in httpx.get(page, timeout=60).text
