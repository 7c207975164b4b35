"""The containers of the manifests in the images: as they are started, fenced in and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.cluster.containers import Container as Running
from tests.cluster.containers import Engine
from tests.k8s.manifests import Container, Manifests
from tests.k8s.rendering import K8S, items

pytestmark = pytest.mark.cluster

Image = Callable[[str], str]
EMPTY_LOCK = K8S / "components" / "weights-hub" / "models.lock"


def options(container: Container, manifests: Manifests) -> list[str]:
    """What podman is told of a container's user, privileges, root, scratch and settings."""
    pod, own = container.pod.spec["securityContext"], container.spec["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert not own["allowPrivilegeEscalation"]
    said = container.environment(manifests)
    return [
        f"--user={pod['runAsUser']}:{pod['runAsGroup']}",
        *("--read-only", "--tmpfs=/scratch", "--security-opt=no-new-privileges"),
        *(f"--cap-drop={name}" for name in own["capabilities"]["drop"]),
        f"--memory={int(container.resource('memory', 'limits'))}",
        *(f"--env={name}={value}" for name, value in said.items() if value is not None),
    ]


def command(container: Container) -> list[str]:
    return [*container.spec["command"], *container.spec.get("args", [])]


@pytest.fixture(scope="module")
def pod(engine: Engine, image: Image) -> Iterator[tuple[Running, Running]]:
    """The model server and the gateway of `overlays/local`, in one network namespace."""
    manifests = Manifests(items("local"))
    (described,) = manifests.pods
    server = described.container("mlserver_chorus.server")
    front = described.container("chorus_gateway")
    assert server
    assert front
    runtime = engine.run(
        image("runtime"),
        *command(server),
        options=[*options(server, manifests), "--publish=127.0.0.1::8000"],
    )
    gateway = engine.run(
        image("gateway"),
        *command(front),
        options=[*options(front, manifests), f"--network=container:{runtime.id}"],
    )
    yield runtime, gateway
    gateway.remove()
    runtime.remove()


def test_they_serve_as_the_manifest_starts_them(pod: tuple[Running, Running]) -> None:
    runtime, gateway = pod
    url = f"http://{runtime.address(8000)}"
    gateway.wait_for(f"{url}/readyz")

    answer = httpx.post(f"{url}/process", json="I love this", timeout=60)

    assert answer.status_code == 200
    assert answer.headers["x-chorus-weights"] == "standin"
    assert len(answer.json()) == 5


def test_they_end_well_in_the_order_of_the_kubelet(pod: tuple[Running, Running]) -> None:
    runtime, gateway = pod

    assert gateway.terminate() == 0, gateway.log
    assert runtime.terminate() == 0, runtime.log


def test_weights_that_are_not_pinned_are_not_fetched(
    engine: Engine, image: Image, tmp_path: Path
) -> None:
    manifests = Manifests(items("cpu"))
    (weights,) = (one for one in manifests.containers if one.program == "chorus")
    lock = tmp_path / EMPTY_LOCK.name
    lock.write_text(EMPTY_LOCK.read_text())
    (tmp_path / lock.name).chmod(0o644)
    tmp_path.chmod(0o755)

    done = engine.once(
        image("runtime"),
        *command(weights),
        options=[
            *options(weights, manifests),
            f"--volume={tmp_path}:/etc/chorus/lock:ro",
            "--tmpfs=/models",
        ],
    )

    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if "systemd" not in line]  # podman's own
    assert len(said) == 1
    assert said[0].startswith("chorus: models.lock ")
