"""What containers ask for and may use, and the images that they run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.k8s.manifests import Manifests, Pod

DOCKERFILE = Path(__file__).parents[3] / "Dockerfile"
OTHERS = {"nginxinc/nginx-unprivileged"}  # the router of the Seldon road
# g4dn.2xlarge: 8 vCPU, 32 GiB. The kubelet, the system and daemons of every node keep some of it.
GPU_NODE = {"cpu": 8 - 0.5, "memory": (32 - 4) * 2.0**30}


def requests(manifests: Manifests) -> Iterator[str]:
    """Requests are there; memory is limited to what was asked for, CPU is not limited."""
    for container in manifests.containers:
        limits = container.spec.get("resources", {}).get("limits", {})
        if not (container.resource("cpu") and container.resource("memory")):
            yield f"{container.name} does not ask for CPU and memory"
        if container.resource("memory") != container.resource("memory", "limits"):
            yield f"{container.name}: the limit of memory is not what it asks for"
        if "cpu" in limits:
            yield f"{container.name} has a CPU limit"


def threads(manifests: Manifests) -> Iterator[str]:
    """torch runs as many threads as cores were asked for, for it would count the node's."""
    for container in manifests.containers:
        if container.program == "mlserver_chorus.server":
            cores = max(1, int(container.resource("cpu")))
            if container.environment(manifests).get("OMP_NUM_THREADS") != str(cores):
                yield f"{container.name}: OMP_NUM_THREADS is not {cores}, its request"


def gpus(manifests: Manifests) -> Iterator[str]:
    """Whole GPUs, as many asked for as may be used, in a pod that fits its node."""
    for pod in manifests.pods:
        asked = [one for one in pod.containers if "nvidia.com/gpu" in str(one.spec["resources"])]
        for container in asked:
            if not (
                container.resource("nvidia.com/gpu")
                == container.resource("nvidia.com/gpu", "limits")
                == 1
            ):
                yield f"{container.name} does not ask for one GPU, and for no other number"
            if container.environment(manifests).get("CHORUS_DEVICE") != "cuda":
                yield f"{container.name} has a GPU, and does not insist on it"
        if asked:
            yield from _fits(pod)


def _fits(pod: Pod) -> Iterator[str]:
    if pod.spec.get("nodeSelector") != {"node.kubernetes.io/instance-type": "g4dn.2xlarge"}:
        yield f"{pod.name} is for no node whose size is known"
    if not any(one["key"] == "nvidia.com/gpu" for one in pod.spec.get("tolerations", [])):
        yield f"{pod.name} does not tolerate the taint of GPU nodes"
    for name, room in GPU_NODE.items():
        stay = sum(one.resource(name) for one in pod.containers if one.stays)
        most = max([stay, *(one.resource(name) for one in pod.containers if not one.stays)])
        if most > room:
            yield f"{pod.name}: {name} does not fit g4dn.2xlarge"


def images(manifests: Manifests) -> Iterator[str]:
    """Every image is one that the Dockerfile builds, at a version."""
    targets = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(), re.MULTILINE))
    for container in manifests.containers:
        name, _, tag = container.spec["image"].partition(":")
        if not re.fullmatch(r"[0-9]+\.[0-9]+[0-9.a-z-]*", tag):
            yield f"{container.name}: the image {name} is at no version"
        if name not in OTHERS and name.removeprefix("chorus-") not in targets:
            yield f"{container.name}: nobody builds {name}"
        wanted = {"chorus_gateway": "chorus-gateway", "mlserver_chorus.server": "chorus-runtime"}
        if name not in OTHERS and wanted.get(container.program, "chorus-runtime") != name:
            yield f"{container.name} runs {container.program} in {name}"
