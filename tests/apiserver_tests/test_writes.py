"""Writes: conflicts, preconditions, namespaces, and what the server adds."""

from __future__ import annotations

import pytest
from tests.apiserver.problems import Problem
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import SERVICES, Client, service


def test_create_then_get(client: Client) -> None:
    created = client.http.post(SERVICES, json=service("a"))
    assert created.status_code == 201
    metadata = created.json()["metadata"]
    assert metadata["uid"]
    assert metadata["creationTimestamp"]
    assert client.get(f"{SERVICES}/a").json() == created.json()


def test_the_same_name_twice_is_409(client: Client) -> None:
    client.http.post(SERVICES, json=service("a"))
    answer = client.http.post(SERVICES, json=service("a"))
    assert (answer.status_code, answer.json()["reason"]) == (409, "AlreadyExists")


def test_every_write_raises_the_one_version(server: ApiServer, client: Client) -> None:
    versions = [
        server.put(service("a"))["metadata"]["resourceVersion"],
        server.put(service("a", "shop"))["metadata"]["resourceVersion"],
    ]
    server.delete("Service", "default", "a")
    versions.append(client.version())
    assert sorted(set(versions), key=int) == versions


def test_an_update_from_an_older_version_is_409(client: Client) -> None:
    read = client.http.post(SERVICES, json=service("a")).json()
    read["metadata"]["labels"] = {"tier": "gpu"}
    assert client.http.put(f"{SERVICES}/a", json=read).status_code == 200
    read["metadata"]["labels"] = {"tier": "cpu"}
    answer = client.http.put(f"{SERVICES}/a", json=read)
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")


def test_an_update_keeps_identity_and_cluster_address(client: Client) -> None:
    before = client.http.post(SERVICES, json=service("a")).json()
    after = client.http.put(f"{SERVICES}/a", json=service("a", tier="gpu")).json()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == before["spec"]


def test_services_get_addresses_of_their_own(server: ApiServer) -> None:
    headless, named, outside = service("headless"), service("named"), service("outside")
    headless["spec"]["clusterIP"] = "None"
    named["spec"]["clusterIPs"] = ["10.0.0.7", "fd00::7"]
    outside["spec"] = {"type": "ExternalName", "externalName": "example.com"}
    first, second = (server.put(service(name))["spec"] for name in "ab")
    assert first["clusterIPs"] == [first["clusterIP"]] != second["clusterIPs"]
    assert first["ports"] == [
        {"name": "v2-http", "port": 8080, "protocol": "TCP", "targetPort": 8080}
    ]
    assert server.put(headless)["spec"]["clusterIPs"] == ["None"]
    assert server.put(named)["spec"]["clusterIP"] == "10.0.0.7"
    assert "clusterIP" not in server.put(outside)["spec"]


def test_nothing_is_written_into_a_namespace_that_is_not(client: Client) -> None:
    path = SERVICES.replace("default", "nobody")
    answer = client.http.post(path, json=service("a", "nobody"))
    assert answer.status_code == 404
    assert answer.json()["message"] == 'namespaces "nobody" not found'


def test_a_namespace_goes_with_all_that_is_in_it(server: ApiServer, client: Client) -> None:
    server.put(service("a", "shop"))
    with client.watch("/api/v1/services", resourceVersion=client.version()) as events:
        assert client.http.delete("/api/v1/namespaces/shop").status_code == 200
        assert events.told() == ("DELETED", "a")
    assert server.get("Namespace", "", "shop") is None


def test_delete_with_a_precondition(server: ApiServer, client: Client) -> None:
    uid = server.put(service("a"))["metadata"]["uid"]
    for precondition, status in (("other", 409), (uid, 200), (uid, 404)):
        body = {"kind": "DeleteOptions", "preconditions": {"uid": precondition}}
        answer = client.http.request("DELETE", f"{SERVICES}/a", json=body)
        assert answer.status_code == status


def test_a_dry_run_changes_nothing(server: ApiServer, client: Client) -> None:
    kept = server.put(service("a"))
    version = client.version()
    assert client.http.post(f"{SERVICES}?dryRun=All", json=service("b")).status_code == 201
    answer = client.http.put(f"{SERVICES}/a?dryRun=All", json=service("a", tier="gpu"))
    assert answer.json()["metadata"]["labels"] == {"tier": "gpu"}
    assert client.http.delete(f"{SERVICES}/a?dryRun=All").status_code == 200
    assert (server.get("Service", "default", "a"), client.version()) == (kept, version)


@pytest.mark.parametrize("name", ["", "Upper", "under_score", "-a", "a/b", "x" * 254])
def test_a_name_that_is_none_is_422(client: Client, name: str) -> None:
    assert client.http.post(SERVICES, json=service(name)).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (service("a", "shop"), 400),
        (service("a") | {"kind": "Pod"}, 400),
        ([], 400),
    ],
)
def test_bodies_that_do_not_fit(client: Client, body: object, status: int) -> None:
    assert client.http.post(SERVICES, json=body).status_code == status


def test_another_name_than_that_on_the_path_is_400(server: ApiServer, client: Client) -> None:
    server.put(service("a"))
    assert client.http.put(f"{SERVICES}/a", json=service("b")).status_code == 400


@pytest.mark.parametrize(
    ("content", "form", "status"),
    [(b"{", "json", 400), (b"{}", "vnd.kubernetes.protobuf", 415)],
)
def test_bodies_that_cannot_be_read(client: Client, content: bytes, form: str, status: int) -> None:
    headers = {"Content-Type": f"application/{form}"}
    assert client.http.post(SERVICES, content=content, headers=headers).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/widgets",
        "/apis/apps/v2/deployments",
        "/api/v1/services/a",
        "/api/v1/namespaces/default/namespaces/a",
        f"{SERVICES}/a/status",
        "/elsewhere",
    ],
)
def test_paths_that_lead_nowhere(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["kind"]) == (404, "Status")


def test_a_method_that_is_not_known_is_405(client: Client) -> None:
    assert client.http.delete(SERVICES).status_code == 405


def test_in_this_process(server: ApiServer) -> None:
    item = service("a", "new")
    stored = server.put(item)
    item["metadata"]["labels"]["tier"] = "changed by whoever put it"
    assert server.get("Service", "new", "a") == stored
    assert server.get("Namespace", "", "new") is not None
    server.delete("Service", "new", "a")
    with pytest.raises(Problem, match='services "a" not found'):
        server.delete("Service", "new", "a")
    with pytest.raises(LookupError, match='no matches for kind "Widget" in version "v1"'):
        server.put({"apiVersion": "v1", "kind": "Widget", "metadata": {"name": "a"}})
