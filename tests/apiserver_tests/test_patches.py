"""Merge patches and strategic merge patches."""

from __future__ import annotations

from typing import Any

import pytest
from tests.apiserver.kinds import Item
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import DEPLOYMENTS, SERVICES, Client, service

MERGE, STRATEGIC = "merge-patch+json", "strategic-merge-patch+json"
SCALED = "/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects"


def deployment(**pod: Any) -> Item:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 2, "template": {"spec": pod}},
    }


def _patched(client: Client, patch: Item, form: str = STRATEGIC) -> Item:
    answer = client.patch(
        f"{DEPLOYMENTS}/d", {"spec": {"template": {"spec": patch}}}, form
    ).raise_for_status()
    pod: Item = answer.json()["spec"]["template"]["spec"]
    return pod


def test_a_merge_patch_sets_and_removes(server: ApiServer, client: Client) -> None:
    server.put(service("a", tier="gpu", size="s"))
    patch = {"metadata": {"labels": {"tier": None, "size": "m", "new": "x"}}}
    answer = client.patch(f"{SERVICES}/a", patch, MERGE)
    assert answer.json()["metadata"]["labels"] == {"size": "m", "new": "x"}


def test_a_merge_patch_replaces_lists(server: ApiServer, client: Client) -> None:
    server.put(deployment(containers=[{"name": "a"}, {"name": "b"}]))
    pod = _patched(client, {"containers": [{"name": "c"}]}, MERGE)
    assert pod == {"containers": [{"name": "c"}]}


def test_a_strategic_patch_merges_lists_by_their_keys(server: ApiServer, client: Client) -> None:
    ports: list[Item] = [{"containerPort": 1, "name": "p"}, {"containerPort": 2}]
    server.put(deployment(containers=[{"name": "a", "image": "x", "ports": ports}, {"name": "b"}]))
    pod = _patched(
        client,
        {"containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "q"}]}]},
    )
    ports[0]["name"] = "q"
    assert pod["containers"] == [{"name": "a", "image": "x", "ports": ports}, {"name": "b"}]


def test_a_strategic_patch_deletes_and_orders(server: ApiServer, client: Client) -> None:
    server.put(deployment(containers=[{"name": "a"}, {"name": "b"}, {"name": "c"}]))
    pod = _patched(
        client,
        {
            "containers": [{"name": "b", "$patch": "delete"}, {"name": "d"}],
            "$setElementOrder/containers": [{"name": "d"}, {"name": "c"}, {"name": "a"}],
        },
    )
    assert pod == {"containers": [{"name": "d"}, {"name": "c"}, {"name": "a"}]}


def test_a_strategic_patch_replaces_where_it_says_so(server: ApiServer, client: Client) -> None:
    server.put(deployment(containers=[{"name": "a"}], nodeSelector={"x": "y"}))
    pod = _patched(
        client,
        {
            "containers": [{"$patch": "replace"}, {"name": "b"}],
            "nodeSelector": {"$patch": "replace", "z": "1"},
        },
    )
    assert pod == {"containers": [{"name": "b"}], "nodeSelector": {"z": "1"}}


def test_a_strategic_patch_retains_one_source_of_a_volume(
    server: ApiServer, client: Client
) -> None:
    server.put(deployment(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]))
    volume = {"name": "v", "configMap": {"name": "c"}}
    pod = _patched(client, {"volumes": [volume | {"$retainKeys": ["name", "configMap"]}]})
    assert pod == {"volumes": [volume]}


def test_a_strategic_patch_replaces_lists_without_a_key(server: ApiServer, client: Client) -> None:
    server.put(deployment(tolerations=[{"key": "a"}, {"key": "b"}], hostNetwork=True))
    pod = _patched(client, {"tolerations": [{"key": "c"}], "hostNetwork": None})
    assert pod == {"tolerations": [{"key": "c"}]}


def test_custom_resources_take_no_strategic_patch(server: ApiServer, client: Client) -> None:
    scaled = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "s"}}
    server.put(scaled | {"spec": {"triggers": [{"name": "a"}]}})
    assert client.patch(f"{SCALED}/s", {"spec": {}}, STRATEGIC).status_code == 415
    answer = client.patch(f"{SCALED}/s", {"spec": {"triggers": [{"name": "b"}]}}, MERGE)
    assert answer.json()["spec"] == {"triggers": [{"name": "b"}]}


@pytest.mark.parametrize("form", [MERGE, STRATEGIC])
def test_a_patch_of_an_older_version_is_409(server: ApiServer, client: Client, form: str) -> None:
    old = server.put(service("a"))["metadata"]["resourceVersion"]
    server.put(service("a", tier="gpu"))
    patch = {"metadata": {"resourceVersion": old, "labels": {"tier": "cpu"}}}
    assert client.patch(f"{SERVICES}/a", patch, form).status_code == 409


def test_a_patch_of_nothing_is_404_and_of_another_sort_415(
    server: ApiServer, client: Client
) -> None:
    server.put(service("a"))
    assert client.patch(f"{SERVICES}/b", {}, MERGE).status_code == 404
    assert client.patch(f"{SERVICES}/a", {}, "json-patch+json").status_code == 415
