"""Tokens and roles: 401, and 403 decided from the objects that are stored."""

from __future__ import annotations

import pytest
from tests.apiserver.access import RBAC_GROUP
from tests.apiserver.kinds import Item
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import SERVICES, Client, Connect, service
from tests.apiserver_tests.roles import ACCOUNT, binding, role

PODS = SERVICES.replace("services", "pods")


@pytest.fixture
def account(server: ApiServer, connect: Connect) -> Client:
    return connect(server.token("default", "gateway"))


def test_without_a_token_that_is_known_401(server: ApiServer, client: Client) -> None:
    for header in ("", "Bearer nonsense", f"Basic {server.admin_token}"):
        answer = client.http.get(SERVICES, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")
    assert client.http.get("/livez", headers={"Authorization": ""}).text == "ok"
    assert [asked.user for asked in server.requests] == [""] * 4


def test_a_revoked_token_is_401(server: ApiServer, connect: Connect) -> None:
    token = server.token("default", "gateway")
    client = connect(token)
    assert client.get("/version").status_code == 200
    server.revoke(token)
    assert client.get("/version").status_code == 401


def test_without_a_role_403(account: Client) -> None:
    answer = account.get(SERVICES)
    assert answer.status_code == 403
    assert answer.json()["message"] == (
        'services is forbidden: User "system:serviceaccount:default:gateway" cannot list '
        'resource "services" in API group "" in the namespace "default"'
    )


def test_a_role_allows_its_verbs_in_its_namespace_and_no_more(
    server: ApiServer, account: Client
) -> None:
    server.put(role("list", "watch"))
    server.put(binding(ACCOUNT))
    server.put(service("a"))
    assert account.names(SERVICES) == ["a"]
    with account.watch(resourceVersion="0") as events:
        assert events.told() == ("ADDED", "a")
    shop = SERVICES.replace("default", "shop")
    for path in (f"{SERVICES}/a", PODS, shop, "/api/v1/services", "/api/v1/namespaces"):
        assert account.get(path).status_code == 403, path
    assert account.http.post(SERVICES, json=service("b")).status_code == 403
    assert account.http.delete(f"{SERVICES}/a").status_code == 403
    assert account.patch(f"{SERVICES}/a", {}, "merge-patch+json").status_code == 403


def test_others_get_nothing_from_it(server: ApiServer, connect: Connect) -> None:
    server.put(role("list"))
    server.put(binding(ACCOUNT))
    for namespace, name in (("default", "other"), ("shop", "gateway")):
        assert connect(server.token(namespace, name)).get(SERVICES).status_code == 403


def test_it_ends_with_the_binding(server: ApiServer, account: Client) -> None:
    server.put(role("*"))
    server.put(binding(ACCOUNT))
    assert account.get(SERVICES).status_code == 200
    server.delete("RoleBinding", "default", "readers")
    assert account.get(SERVICES).status_code == 403


def test_a_binding_to_a_role_that_is_not_allows_nothing(server: ApiServer, account: Client) -> None:
    server.put(binding(ACCOUNT))
    assert account.get(SERVICES).status_code == 403


@pytest.mark.parametrize(
    ("subject", "status"),
    [
        ({"kind": "Group", "name": "system:serviceaccounts:default"}, 200),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, 403),
        ({"kind": "User", "name": "system:serviceaccount:default:gateway"}, 200),
        ({"kind": "User", "name": "gateway"}, 403),
    ],
)
def test_groups_and_users(server: ApiServer, account: Client, subject: Item, status: int) -> None:
    server.put(role("list"))
    server.put(binding(subject | {"apiGroup": RBAC_GROUP}))
    assert account.get(SERVICES).status_code == status


def test_a_cluster_role_bound_in_a_namespace_allows_there(
    server: ApiServer, account: Client
) -> None:
    server.put(role("list", kind="ClusterRole"))
    server.put(binding(ACCOUNT, "ClusterRole"))
    assert account.get(SERVICES).status_code == 200
    assert account.get("/api/v1/services").status_code == 403


def test_a_cluster_role_binding_allows_everywhere(server: ApiServer, account: Client) -> None:
    server.put(role("list", kind="ClusterRole"))
    server.put(binding(ACCOUNT, "ClusterRole", "ClusterRoleBinding"))
    assert account.get(SERVICES).status_code == 200
    assert account.get("/api/v1/services").status_code == 200


def test_a_role_of_named_objects(server: ApiServer, account: Client) -> None:
    server.put(role("get", names=["a"]))
    server.put(binding(ACCOUNT))
    server.put(service("a"))
    server.put(service("b"))
    assert account.get(f"{SERVICES}/a").status_code == 200
    assert account.get(f"{SERVICES}/b").status_code == 403
