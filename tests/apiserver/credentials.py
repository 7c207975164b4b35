"""What clients connect with: a kubeconfig, or the files of a service account in a pod."""

from __future__ import annotations

from pathlib import Path

import yaml


def write_kubeconfig(path: Path, *, url: str, ca_file: Path, token: str, namespace: str) -> Path:
    """A kubeconfig with one cluster, one user, one context."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "tests", "cluster": {"server": url, "certificate-authority": str(ca_file)}}
        ],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [
            {
                "name": "tests",
                "context": {"cluster": "tests", "user": "user", "namespace": namespace},
            }
        ],
        "current-context": "tests",
    }
    return _written(path, yaml.safe_dump(config))


def write_account(folder: Path, *, ca_file: Path, token: str, namespace: str) -> Path:
    """The folder that a projected volume of a service account is; written again, it rotates."""
    folder.mkdir(parents=True, exist_ok=True)
    _written(folder / "token", token)
    _written(folder / "ca.crt", ca_file.read_text())
    _written(folder / "namespace", namespace)
    return folder


def _written(path: Path, text: str) -> Path:
    """In one step, as a kubelet does: whoever reads at that moment finds the old or the new."""
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    return new.replace(path)
