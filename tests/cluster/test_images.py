"""The three images: what is in them, and what they do as the least of users."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from packaging.utils import canonicalize_name
from supply_chain import images, sbom
from tests.cluster.containers import BASE, Container, Engine

pytestmark = pytest.mark.cluster

# As on a platform: nobody in particular, no privilege, nothing to write to but the scratch folder.
LOCKED = (
    *("--read-only", "--tmpfs=/scratch", "--user=12345:0"),
    *("--cap-drop=all", "--security-opt=no-new-privileges"),
)
TEXT = "This is how true happiness looks like 👍😜"
BUILD_TOOLS = ("pip", "pip3", "gcc", "cc", "make", "git", "curl", "wget")
LOAD = 8
Image = Callable[[str], str]


@pytest.fixture(scope="module", params=[*images.IMAGES])
def any_image(request: pytest.FixtureRequest, image: Image) -> str:
    return image(request.param)


def inspected(engine: Engine, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(engine.podman("image", "inspect", name).stdout)
    return found[0]


def python(engine: Engine, name: str, code: str) -> str:
    """What a program prints in a container of an image."""
    done = engine.once(name, "python", "-c", code, options=LOCKED)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ------------------------------------------------------------------------------ what is in them


def test_no_tool_is_left_that_builds_or_fetches(engine: Engine, any_image: str) -> None:
    found = python(engine, any_image, f"import shutil; print(*filter(shutil.which, {BUILD_TOOLS}))")
    assert found == ""
    modules = python(
        engine,
        any_image,
        "from importlib.util import find_spec as find; print(find('pip'), find('ensurepip'))",
    )
    assert modules == "None None"


def test_nothing_of_the_build_is_left(engine: Engine, any_image: str) -> None:
    done = engine.once(any_image, "ls", "-A", "/src", "/root/.cache", "/etc/pip.conf", "/wheels")
    assert done.stdout == ""
    assert engine.once(any_image, "ls", "-A", "/run/secrets").stdout == ""
    assert "/run/secrets/ca" not in engine.podman("history", "--no-trunc", any_image).stdout


def test_no_program_gives_the_rights_of_another_user(engine: Engine, any_image: str) -> None:
    find = ("find", "/", "-xdev", "-type", "f", "-perm", "/6000")
    assert engine.once(any_image, *find, options=["--user=0"]).stdout == ""


def test_each_says_what_it_is(engine: Engine, image: Image) -> None:
    for target, title in images.IMAGES.items():
        config = inspected(engine, image(target))["Config"]
        labels = config["Labels"]
        assert labels["org.opencontainers.image.title"] == title
        assert labels["org.opencontainers.image.version"] == images.version()
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
        assert config["User"] == "10001:10001"
        assert config["StopSignal"] == "SIGTERM"


@pytest.mark.parametrize(
    ("target", "absent"),
    [
        ("gateway", ("torch", "transformers", "tokenizers", "mlserver_chorus")),
        ("runtime", ("chorus_gateway", "kubernetes")),
    ],
)
def test_each_has_what_it_may_import(
    engine: Engine, image: Image, target: str, absent: Sequence[str]
) -> None:
    code = f"from importlib.util import find_spec; print(*filter(find_spec, {absent}))"
    assert python(engine, image(target), code) == ""


@pytest.mark.parametrize(
    ("target", "bill"),
    [("gateway", sbom.gateway), ("runtime", sbom.runtime), ("all", sbom.everything)],
)
def test_each_holds_what_its_bill_of_materials_says(
    engine: Engine, image: Image, target: str, bill: Callable[[], str]
) -> None:
    code = "from importlib.metadata import distributions as d; print(*[i.name for i in d()])"
    there = {canonicalize_name(name) for name in python(engine, image(target), code).split()}
    assert there == {one["name"] for one in json.loads(bill())["components"]} | {"chorus-serve"}


def test_modules_are_compiled(engine: Engine, image: Image) -> None:
    """Read-only, a module that is not would be compiled at every start."""
    code = """
import os, sys, chorus_gateway.app
def is_stale(module):
    with open(module.__cached__, "rb") as file:
        made_of = int.from_bytes(file.read(16)[8:12], "little")
    return made_of != int(os.stat(module.__file__).st_mtime)
ours = [m for m in sys.modules.values() if "site-packages" in str(getattr(m, "__file__", ""))]
plain = [m for m in ours if m.__file__.endswith(".py")]
print(len(plain) > 100, *[m.__name__ for m in plain if is_stale(m)])
"""
    assert python(engine, image("gateway"), code) == "True"


def test_the_gateway_alone_is_small(
    engine: Engine, image: Image, say: Callable[[str], None]
) -> None:
    sizes = {target: inspected(engine, image(target))["Size"] for target in images.IMAGES}
    base = inspected(engine, BASE)["Size"]
    for target, size in {"base": base, **sizes}.items():
        say(f"{target}: {size / 1e6:,.0f} MB")
    assert sizes["gateway"] < sizes["runtime"] / 2


# ------------------------------------------------------------------------------ what they do


@pytest.fixture(scope="module")
def alone(engine: Engine, image: Image) -> Container:
    """The image of both, with nothing but a port said to it."""
    options = [*LOCKED, "--publish=127.0.0.1::8000", "--publish=127.0.0.1::7860"]
    container = engine.run(image("all"), options=options)
    container.wait_for(f"http://{container.address(8000)}/readyz")
    return container


def test_one_container_serves_at_once(alone: Container) -> None:
    answer = httpx.post(f"http://{alone.address(8000)}/process", json=TEXT, timeout=60)
    assert answer.status_code == 200
    assert len(answer.json()) == 5
    assert answer.headers["x-chorus-weights"] == "standin"


def test_it_shows_the_page_too(alone: Container) -> None:
    page = f"http://{alone.address(7860)}"
    alone.wait_for(f"{page}/healthz")
    shown = httpx.get(page, timeout=60)
    assert shown.status_code == 200
    assert "Chorus" in shown.text


def test_it_has_no_privilege(alone: Container) -> None:
    lines = alone.exec("cat", "/proc/1/status").stdout.splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == ["12345"] * 4
    assert alone.exec("touch", "/opt/chorus/models/a").returncode != 0


def test_its_health_check_asks_whether_it_is_ready(engine: Engine, alone: Container) -> None:
    assert engine.podman("healthcheck", "run", alone.id, check=False).returncode == 0


def test_a_stop_loses_nothing(alone: Container) -> None:
    """The last test of this container: what is in flight when it is stopped is answered."""
    host = alone.address(8000)
    connections = [http.client.HTTPConnection(host, timeout=120) for _ in range(LOAD)]
    body = json.dumps({"inputs": [TEXT * 20] * 64})
    for connection in connections:
        connection.request("POST", "/models/cardiffnlp", body, {"content-type": "application/json"})
    assert alone.terminate() == 0
    assert [connection.getresponse().status for connection in connections] == [200] * LOAD


def test_the_health_check_of_a_server_that_is_not_there_fails(
    engine: Engine, any_image: str
) -> None:
    container = engine.run(any_image, "sleep", "60", options=LOCKED)
    assert engine.podman("healthcheck", "run", container.id, check=False).returncode == 1
    container.remove()


@pytest.fixture(scope="module")
def pair(engine: Engine, image: Image) -> tuple[Container, Container]:
    """Model server and gateway as two containers with one network, as in a pod."""
    runtime = engine.run(image("runtime"), options=[*LOCKED, "--publish=127.0.0.1::8000"])
    network = f"--network=container:{runtime.id}"
    gateway = engine.run(image("gateway"), options=[*LOCKED, network])
    gateway.wait_for(f"http://{runtime.address(8000)}/readyz")
    return runtime, gateway


def test_two_containers_of_a_pod(pair: tuple[Container, Container]) -> None:
    runtime, _ = pair
    gateway = f"http://{runtime.address(8000)}"
    answer = httpx.post(f"{gateway}/process", json=TEXT, timeout=60)
    assert answer.status_code == 200
    assert len(answer.json()) == 5
    assert answer.headers["x-chorus-weights"] == "standin"


def test_a_gateway_without_torch_serves_tasks(pair: tuple[Container, Container]) -> None:
    runtime, _ = pair
    url = f"http://{runtime.address(8000)}/models/cardiffnlp"
    answer = httpx.post(url, json={"inputs": TEXT, "parameters": {"top_k": 2}}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()[0][0]["label"] == "positive"


def test_both_end_well_when_the_gateway_goes_first(pair: tuple[Container, Container]) -> None:
    """The last test of these two."""
    runtime, gateway = pair
    assert gateway.terminate() == 0
    assert runtime.terminate() == 0


def test_stand_ins_of_tasks_cannot_be_made(engine: Engine, image: Image) -> None:
    """They would be in the image, which is read-only; the last line says so."""
    command = ("chorus", "serve", "--models=fill-mask")
    done = engine.once(image("all"), *command, options=LOCKED)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "chorus: cannot make stand-ins in /opt/chorus/models/tasks: Read-only file system; "
        "--weights hub needs none, --models-dir takes a copy of the folder that can be written"
    )


def test_the_command_line_is_in_the_gateways_image(engine: Engine, image: Image) -> None:
    done = engine.once(image("gateway"), "chorus", "servers", "--help", options=LOCKED)
    assert done.returncode == 0, done.stderr
    assert "--namespace" in done.stdout


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_make_image_builds_and_says_how_large(engine: Engine, image: Image, name: str) -> None:
    """With the layers that are there already: nothing is fetched."""
    image("gateway")
    never = {"podman": "--pull=never", "buildah": "--pull-never"}[name]
    done = subprocess.run(
        [
            "make",
            "--no-print-directory",  # which another make, that runs this, would have it print
            "image",
            f"PYTHON={sys.executable}",
            f"ARGS=gateway --engine={name} --tag=made {never}",
        ],
        cwd=images.ROOT,
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"chorus-gateway:made: \d+ MB, by {name}", last)
    engine.podman("rmi", "localhost/chorus-gateway:made")
