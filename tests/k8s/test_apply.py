"""The real kubectl applies what users apply, and what it applied is what holds."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.apiserver.server import ApiServer
from tests.k8s.rendering import OVERLAYS, ROADS, folder_of, items, need_kubectl

NAMESPACE = "chorus"
ACCOUNT = "chorus"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    need_kubectl()
    with ApiServer(folder=tmp_path_factory.mktemp("cluster")) as server:
        for name in ("models", "seldon-mesh", "elsewhere"):
            server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        yield server


def apply(cluster: ApiServer, variant: str) -> list[str]:
    """Apply a variant; kubectl's lines, which end in what it did."""
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig()), "apply"]
    done = subprocess.run(
        [*command, "--validate=false", "-k", str(folder_of(variant))],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("variant", [*OVERLAYS, *ROADS])
def test_it_is_applied_and_then_nothing_changes(cluster: ApiServer, variant: str) -> None:
    applied = apply(cluster, variant)
    before = versions(cluster, variant)
    again = apply(cluster, variant)

    assert len(applied) == len(items(variant))
    assert versions(cluster, variant) == before
    # Of those kubectl always sends the selector anew.
    lines = [line for line in again if not line.startswith("poddisruptionbudget")]
    assert {line.split()[-1] for line in lines} == {"unchanged"}


def versions(cluster: ApiServer, variant: str) -> dict[tuple[str, str], str]:
    """Of each object, the version of the store at which it was last changed."""
    found = {}
    for item in items(variant):
        kind, name = item["kind"], item["metadata"]["name"]
        stored = cluster.get(kind, item["metadata"].get("namespace", "default"), name)
        assert stored is not None, f"{kind} {name} is not there"
        found[kind, name] = stored["metadata"]["resourceVersion"]
    return found


@pytest.fixture(scope="module")
def gateway(cluster: ApiServer) -> Iterator[httpx.Client]:
    """Asks the API server as the gateway's account, with the shipped role in force."""
    apply(cluster, "local")
    token = cluster.token(NAMESPACE, ACCOUNT)
    with httpx.Client(
        base_url=cluster.url,
        verify=_tls(cluster.ca_file),
        headers={"authorization": f"Bearer {token}"},
    ) as client:
        yield client


def _tls(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


OURS = f"/api/v1/namespaces/{NAMESPACE}"


def test_the_gateway_lists_and_watches_services_of_its_namespace(gateway: httpx.Client) -> None:
    listed = gateway.get(f"{OURS}/services").raise_for_status().json()
    version = listed["metadata"]["resourceVersion"]
    watch = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "1"}

    assert {one["metadata"]["name"] for one in listed["items"]} == {"chorus", "chorus-v2"}
    assert gateway.get(f"{OURS}/services", params=watch).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{OURS}/pods"),
        ("GET", f"{OURS}/secrets"),
        ("GET", f"{OURS}/configmaps"),
        ("GET", f"{OURS}/endpoints"),
        ("GET", f"{OURS}/services/chorus"),
        ("POST", f"{OURS}/services"),
        ("DELETE", f"{OURS}/services/chorus"),
        ("PATCH", f"{OURS}/services/chorus"),
        ("GET", "/api/v1/services"),
        ("GET", "/api/v1/namespaces/elsewhere/services"),
        ("GET", "/api/v1/namespaces"),
        ("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"),
        ("GET", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles"),
    ],
)
def test_the_gateway_may_do_nothing_else(gateway: httpx.Client, method: str, path: str) -> None:
    kind = {"content-type": "application/merge-patch+json"}

    assert gateway.request(method, path, content=b"{}", headers=kind).status_code == 403


def test_another_account_of_the_namespace_may_not_even_list(
    cluster: ApiServer, gateway: httpx.Client
) -> None:
    token = cluster.token(NAMESPACE, "default")
    reply = gateway.get(f"{OURS}/services", headers={"authorization": f"Bearer {token}"})

    assert reply.status_code == 403
