"""Where podman and buildah keep what they do here, and what they need for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NEEDED = ("podman", "buildah", "runc", "netavark", "mmdebstrap")

# Without the defaults that need what a container of a build machine lacks: limits that ask for
# CAP_SYS_RESOURCE, systemd, control groups of one kind. Locks in files: those in shared memory
# would be the ones of the user's own podman.
_CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{folder}/state"
volume_path = "{folder}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_STORAGE_CONF = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def missing() -> str:
    """What is needed to run containers here and is not there; nothing where all of it is."""
    if os.geteuid():
        return "root (containers of these tests are run by root)"
    return ", ".join(name for name in NEEDED if not shutil.which(name, path=_path()))


def _path() -> str:
    """Where programs are; netavark is no program for people."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/podman"])


def prepared(folder: Path) -> dict[str, str]:
    """The environment for every program that is to work on this folder."""
    for name in ("build", "state", "volumes", "networks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in (("containers", _CONTAINERS_CONF), ("storage", _STORAGE_CONF)):
        (folder / f"{name}.conf").write_text(text.format(folder=folder))
    return os.environ | {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "BUILDAH_ISOLATION": "chroot",
        "TMPDIR": str(folder / "build"),
    }
