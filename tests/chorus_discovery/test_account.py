"""Which cluster a process belongs to, and what it says where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.apiserver.server import ApiServer
from tests.chorus_discovery.conftest import connect, variables
from tests.chorus_discovery.objects import service

from chorus_discovery.account import from_kubeconfig, in_cluster
from chorus_discovery.errors import KubeconfigUnusable, KubernetesMissing, NotInCluster


async def test_a_pod_has_the_namespace_of_its_account(server: ApiServer) -> None:
    server.put(service("scorer"))
    cluster = connect(server)
    assert cluster.namespace == "chorus"
    assert len((await cluster.list_services("chorus")).items) == 1
    await cluster.close()
    assert server.requests[-1].user == "system:serviceaccount:chorus:chorus"


async def test_a_kubeconfig_has_the_namespace_of_its_context(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = server.kubeconfig(namespace="chorus")
    before = path.read_bytes()
    monkeypatch.setenv("KUBECONFIG", f"/nowhere:{path}")
    cluster = await from_kubeconfig()
    assert cluster.namespace == "chorus"
    assert (await cluster.list_services("chorus")).items == []
    await cluster.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("missing", ["variable", "token", "ca.crt", "namespace"])
def test_without_one_of_its_parts_there_is_no_cluster(server: ApiServer, missing: str) -> None:
    folder = server.account_folder("chorus", "chorus")
    environment = variables(server)
    if missing == "variable":
        del environment["KUBERNETES_SERVICE_HOST"]
    else:
        (folder / missing).unlink()
    with pytest.raises(NotInCluster) as raised:
        in_cluster(folder, environment)
    assert str(folder) not in str(raised.value)


async def test_no_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(NotInCluster):
        await from_kubeconfig()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "secret", "current-context: a\ncontexts: []\n", "kind: Config\n"]
)
async def test_a_kubeconfig_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(KubeconfigUnusable) as raised:
        await from_kubeconfig()
    assert "secret" not in str(raised.value)


async def test_the_package_is_an_extra(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    monkeypatch.setitem(sys.modules, "kubernetes.aio", None)
    with pytest.raises(KubernetesMissing, match=r"chorus-serve\[kubernetes\]"):
        connect(server)
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig()))
    with pytest.raises(KubernetesMissing):
        await from_kubeconfig()


def test_importing_costs_nothing_outside_of_a_cluster() -> None:
    script = (
        "import sys, chorus_discovery.account, chorus_discovery.directory\n"
        "print(sorted({'kubernetes', 'aiohttp', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
