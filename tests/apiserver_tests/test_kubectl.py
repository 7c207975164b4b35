"""The real kubectl, over TLS, with a kubeconfig."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.apiserver.kinds import Item
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import SECONDS, service
from tests.apiserver_tests.roles import ACCOUNT, binding, role

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed: the API server is unproved"
)

DEPLOYMENT: Item = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "chorus"},
    "spec": {
        "selector": {"matchLabels": {"app": "chorus"}},
        "template": {
            "metadata": {"labels": {"app": "chorus"}},
            "spec": {
                "containers": [
                    {"name": "gateway", "image": "g:1", "env": [{"name": "A", "value": "1"}]},
                    {"name": "runtime", "image": "r:1"},
                ],
                "volumes": [{"name": "models", "emptyDir": {}}],
            },
        },
    },
}
SCALED: Item = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "chorus"},
    "spec": {"scaleTargetRef": {"name": "chorus"}, "maxReplicaCount": 3},
}


class Kubectl:
    """One kubeconfig; `kubectl("get", "svc")` is what it prints, and it must succeed."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self._folder = folder
        # Without its own cache it would remember the kinds of other servers, in the home folder.
        cache = f"--cache-dir={folder / 'cache'}"
        self._command = ["kubectl", f"--kubeconfig={kubeconfig}", cache]

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def file(self, *items: Item) -> str:
        """A manifest of these objects."""
        path = self._folder / "manifest.yaml"
        path.write_text(yaml.safe_dump_all(items))
        return str(path)

    def read(self, *arguments: str) -> Any:
        return yaml.safe_load(self("get", *arguments, "-o", "yaml"))


@pytest.fixture
def kubectl(server: ApiServer, tmp_path: Path) -> Kubectl:
    return Kubectl(tmp_path, server.kubeconfig())


def _pod(item: Item) -> Item:
    pod: Item = item["spec"]["template"]["spec"]
    return pod


def _changed() -> Item:
    """The Deployment with one container less, another image, another volume source."""
    changed: Item = yaml.safe_load(yaml.safe_dump(DEPLOYMENT))
    pod = _pod(changed)
    pod["containers"] = [{"name": "gateway", "image": "g:2"}]
    pod["volumes"] = [{"name": "models", "configMap": {"name": "m"}}]
    return changed


def test_apply_changes_what_has_changed(kubectl: Kubectl) -> None:
    manifest = kubectl.file(service("a"), DEPLOYMENT, SCALED)
    names = ("service/a", "deployment.apps/chorus", "scaledobject.keda.sh/chorus")
    for verdict in ("created", "unchanged"):
        lines = kubectl("apply", "-f", manifest).splitlines()
        assert lines == [f"{name} {verdict}" for name in names]
    scaled = SCALED | {"spec": {"scaleTargetRef": {"name": "chorus"}, "minReplicaCount": 2}}
    kubectl("apply", "-f", kubectl.file(service("a"), _changed(), scaled))
    assert _pod(kubectl.read("deploy", "chorus")) == _pod(_changed())
    assert kubectl.read("so", "chorus")["spec"] == scaled["spec"]


def test_apply_of_a_disruption_budget_says_configured_but_writes_nothing(
    kubectl: Kubectl,
) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "chorus"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "chorus"}}},
    }
    kubectl("apply", "-f", kubectl.file(budget))
    before = kubectl.read("pdb", "chorus")
    # Its selector is replaced as a whole by every patch, so kubectl never finds the patch empty.
    again = kubectl("apply", "-f", kubectl.file(budget))
    assert again == "poddisruptionbudget.policy/chorus configured\n"
    assert kubectl.read("pdb", "chorus") == before


def test_apply_of_a_kustomization_with_its_namespace(kubectl: Kubectl, tmp_path: Path) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    bare = service("a") | {"metadata": {"name": "a"}}
    (folder / "all.yaml").write_text(yaml.safe_dump_all([bare, namespace]))
    generated = {"name": "settings", "literals": ["CHORUS_LOG_FORMAT=json"]}
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {"namespace": "shop", "resources": ["all.yaml"], "configMapGenerator": [generated]}
        )
    )
    lines = kubectl("apply", "-k", str(folder)).splitlines()
    assert lines[0] == "namespace/shop created"
    assert len(lines) == 3
    (settings,) = kubectl.read("configmaps", "-n", "shop")["items"]
    assert settings["data"] == {"CHORUS_LOG_FORMAT": "json"}
    # The namespace goes first, and the rest with it.
    kubectl("delete", "--ignore-not-found", "-k", str(folder))
    assert kubectl.read("svc", "-A")["items"] == []


def test_apply_on_the_server_and_its_conflicts(kubectl: Kubectl) -> None:
    manifest = kubectl.file(DEPLOYMENT)
    assert kubectl("apply", "--server-side", "-f", manifest) == (
        "deployment.apps/chorus serverside-applied\n"
    )
    kubectl("set", "image", "deploy/chorus", "gateway=g:9")
    refused = kubectl.run("apply", "--server-side", "-f", manifest)
    assert refused.returncode != 0
    assert 'conflict with "kubectl-set"' in refused.stderr
    manifest = kubectl.file(_changed())
    kubectl("apply", "--server-side", "--force-conflicts", "-f", manifest)
    assert _pod(kubectl.read("deploy", "chorus")) == _pod(_changed())


@pytest.mark.parametrize("where", ["client", "server"])
def test_a_dry_run_stores_nothing(kubectl: Kubectl, where: str) -> None:
    said = kubectl("apply", f"--dry-run={where}", "-f", kubectl.file(service("a"), SCALED))
    assert said.splitlines()[0].startswith("service/a created (")
    assert kubectl.read("svc")["items"] == kubectl.read("so")["items"] == []


def test_labels_come_and_go(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", kubectl.file(service("a"), service("b")))
    kubectl("label", "svc", "a", "chorus/protocol=v2")
    assert kubectl("get", "svc", "-l", "chorus/protocol=v2", "-o", "name") == "service/a\n"
    kubectl("label", "svc", "a", "chorus/protocol-")
    assert kubectl("get", "svc", "-l", "chorus/protocol=v2", "-o", "name") == ""


def test_delete_waits_until_it_is_gone(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", kubectl.file(service("a"), DEPLOYMENT))
    assert kubectl("delete", "svc/a", "deploy/chorus").count("deleted") == 2
    missing = kubectl.run("get", "svc", "a")
    assert missing.stderr == 'Error from server (NotFound): services "a" not found\n'


@pytest.fixture
def watching(kubectl: Kubectl) -> Iterator[subprocess.Popen[str]]:
    process = kubectl.start("get", "svc", "-w", "-o", "name", "-l", "chorus/protocol=v2")
    with process:
        yield process
        process.terminate()


def test_watch(server: ApiServer, kubectl: Kubectl, watching: subprocess.Popen[str]) -> None:
    while not any(asked.verb == "watch" for asked in server.requests):
        assert watching.poll() is None
        time.sleep(0.01)
    server.put(service("a", **{"chorus/protocol": "v2"}))
    server.put(service("b"))
    kubectl("label", "svc", "b", "chorus/protocol=v2")
    assert watching.stdout is not None
    assert [watching.stdout.readline() for _ in range(2)] == ["service/a\n", "service/b\n"]


def test_an_account_may_what_its_role_says(server: ApiServer, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", kubectl.file(role("list", "watch"), binding(ACCOUNT)))
    account = Kubectl(server.ca_file.parent, server.kubeconfig(server.token("default", "gateway")))
    assert account("get", "svc", "-o", "name") == ""
    for arguments in (["get", "pods"], ["get", "svc", "a"], ["get", "svc", "-n", "kube-system"]):
        refused = account.run(*arguments)
        assert refused.stderr.startswith("Error from server (Forbidden): "), arguments


def test_a_token_that_is_not_known(server: ApiServer, tmp_path: Path) -> None:
    refused = Kubectl(tmp_path, server.kubeconfig("nonsense")).run("get", "svc")
    assert "You must be logged in to the server" in refused.stderr
