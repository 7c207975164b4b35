"""Lists: namespaces, selectors, and pages of one moment."""

from __future__ import annotations

from tests.apiserver.kinds import Item
from tests.apiserver.lists import MAX_SNAPSHOTS
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import SERVICES, Client, service


def test_a_list_is_of_one_namespace_or_of_all(server: ApiServer, client: Client) -> None:
    for name, namespace in (("b", "default"), ("a", "shop"), ("a", "default")):
        server.put(service(name, namespace))
    assert client.names(SERVICES) == ["a", "b"]
    assert client.names("/api/v1/namespaces/shop/services") == ["a"]
    assert client.names("/api/v1/services") == ["a", "b", "a"]
    assert client.names("/api/v1/namespaces/nobody/services") == []


def test_a_list_says_what_it_is(server: ApiServer, client: Client) -> None:
    stored = server.put(service("a"))
    listed = client.get(SERVICES).json()
    assert (listed["kind"], listed["apiVersion"]) == ("ServiceList", "v1")
    assert listed["metadata"] == {"resourceVersion": stored["metadata"]["resourceVersion"]}
    assert listed["items"] == [stored]


def test_selectors(server: ApiServer, client: Client) -> None:
    server.put(service("a", tier="gpu"))
    server.put(service("b", tier="cpu"))
    assert client.names(SERVICES, labelSelector="tier in (gpu)") == ["a"]
    assert client.names(SERVICES, fieldSelector="metadata.name=b") == ["b"]
    assert client.get(SERVICES, labelSelector="a b").status_code == 400


def _page(client: Client, **query: object) -> tuple[list[str], Item]:
    page = client.get(SERVICES, limit=2, **query).raise_for_status().json()
    return [item["metadata"]["name"] for item in page["items"]], page["metadata"]


def test_pages_show_one_moment(server: ApiServer, client: Client) -> None:
    for name in "abcde":
        server.put(service(name))
    names, first = _page(client)
    assert (names, first["remainingItemCount"]) == (["a", "b"], 3)
    server.delete("Service", "default", "d")
    server.put(service("f"))
    names, second = _page(client, **{"continue": first["continue"]})
    assert names == ["c", "d"]
    names, third = _page(client, **{"continue": second["continue"]})
    assert names == ["e"]
    assert "continue" not in third
    versions = {page["resourceVersion"] for page in (first, second, third)}
    assert len(versions) == 1
    assert client.version() not in versions


def test_pages_of_a_selection_do_not_count_what_remains(server: ApiServer, client: Client) -> None:
    for name in "abc":
        server.put(service(name, tier="gpu"))
    _, first = _page(client, labelSelector="tier=gpu")
    assert "remainingItemCount" not in first


def test_a_next_page_after_compaction_is_410(server: ApiServer, client: Client) -> None:
    for name in "abc":
        server.put(service(name))
    _, first = _page(client)
    server.put(service("d"))
    server.compact()
    answer = client.get(SERVICES, limit=2, **{"continue": first["continue"]})
    assert answer.status_code == 410
    assert answer.json()["reason"] == "Expired"


def test_paged_lists_that_nobody_finishes_expire(server: ApiServer, client: Client) -> None:
    for name in "abc":
        server.put(service(name))
    firsts = [_page(client)[1]["continue"] for _ in range(MAX_SNAPSHOTS + 1)]
    assert client.get(SERVICES, **{"continue": firsts[0]}).status_code == 410
    assert client.names(SERVICES, **{"continue": firsts[1]}) == ["c"]


def test_a_continue_token_that_is_none_is_400(client: Client) -> None:
    assert client.get(SERVICES, **{"continue": "nonsense"}).status_code == 400
