"""Watches: what is told, when, and how they end."""

from __future__ import annotations

import httpx
import pytest
from tests.apiserver.server import ApiServer
from tests.apiserver.store import LOG_EVENTS
from tests.apiserver_tests.client import SERVICES, Client, service


def test_from_a_version_on_every_change_is_told(server: ApiServer, client: Client) -> None:
    server.put(service("old"))
    with client.watch(resourceVersion=client.version()) as events:
        created = server.put(service("a"))
        assert events.next() == {"type": "ADDED", "object": created}
        changed = server.put(service("a", tier="gpu"))
        assert events.next() == {"type": "MODIFIED", "object": changed}
        server.delete("Service", "default", "a")
        event = events.next()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "a")
    assert int(event["object"]["metadata"]["resourceVersion"]) == int(client.version())


def test_what_was_missed_is_told_first(server: ApiServer, client: Client) -> None:
    version = client.version()
    server.put(service("a"))
    server.delete("Service", "default", "a")
    with client.watch(resourceVersion=version) as events:
        assert [events.told(), events.told()] == [("ADDED", "a"), ("DELETED", "a")]


@pytest.mark.parametrize("version", ["", "0"])
def test_without_a_version_all_there_is_comes_first(
    server: ApiServer, client: Client, version: str
) -> None:
    server.put(service("a"))
    with client.watch(resourceVersion=version) as events:
        assert events.told() == ("ADDED", "a")
        server.put(service("b"))
        assert events.told() == ("ADDED", "b")


def test_entering_the_selection_is_added_and_leaving_it_deleted(
    server: ApiServer, client: Client
) -> None:
    server.put(service("a"))
    with client.watch(resourceVersion=client.version(), labelSelector="tier=gpu") as events:
        server.put(service("never", tier="cpu"))
        server.put(service("a", tier="gpu"))
        assert events.told() == ("ADDED", "a")
        left = server.put(service("a", tier="cpu"))
        event = events.next()
        assert event["type"] == "DELETED"
        # The object as it was in the selection, at the version at which it left.
        assert event["object"]["metadata"]["labels"] == {"tier": "gpu"}
        version = left["metadata"]["resourceVersion"]
        assert event["object"]["metadata"]["resourceVersion"] == version
        server.put(service("a", tier="cpu", size="s"))
        server.delete("Service", "default", "a")
        server.put(service("last", tier="gpu"))
        assert events.told() == ("ADDED", "last")


def test_other_namespaces_and_kinds_are_not_told(server: ApiServer, client: Client) -> None:
    with client.watch(resourceVersion=client.version()) as events:
        server.put(service("a", "shop"))
        server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
        server.put(service("b"))
        assert events.told() == ("ADDED", "b")


def test_all_namespaces_at_once(server: ApiServer, client: Client) -> None:
    with client.watch("/api/v1/services", resourceVersion=client.version()) as events:
        server.put(service("a", "shop"))
        server.put(service("b"))
        assert [events.told(), events.told()] == [("ADDED", "a"), ("ADDED", "b")]


def test_a_write_that_changes_nothing_is_not_told(server: ApiServer, client: Client) -> None:
    first = server.put(service("a"))
    assert server.put(service("a")) == first
    with client.watch(resourceVersion=client.version()) as events:
        server.put(service("a"))
        server.put(service("b"))
        assert events.told() == ("ADDED", "b")


def test_bookmarks_carry_the_version_of_everything(server: ApiServer, client: Client) -> None:
    query = {"resourceVersion": client.version(), "allowWatchBookmarks": "true"}
    server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "elsewhere"}})
    with client.watch(**query) as events:
        bookmark = next(iter(events))
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "Service"
    assert bookmark["object"]["metadata"]["resourceVersion"] == client.version()


def test_no_bookmarks_unless_asked_for_and_the_end_after_timeout_seconds(
    server: ApiServer, client: Client
) -> None:
    with client.watch(resourceVersion=client.version(), timeoutSeconds=1) as events:
        assert list(events) == []


def test_a_version_compacted_away_is_an_error_event(server: ApiServer, client: Client) -> None:
    version = client.version()
    server.put(service("a"))
    server.compact()
    with client.watch(resourceVersion=version) as events:
        (event,) = events
        assert events.answer.status_code == 200
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    with client.watch(resourceVersion=client.version()) as events:
        server.put(service("b"))
        assert events.told() == ("ADDED", "b")


def test_compaction_leaves_open_watches_alone(server: ApiServer, client: Client) -> None:
    with client.watch(resourceVersion=client.version()) as events:
        server.put(service("a"))
        server.compact()
        assert events.told() == ("ADDED", "a")


def test_the_log_is_bounded(server: ApiServer, client: Client) -> None:
    version = int(client.version())
    for number in range(LOG_EVENTS + 1):
        server.put(service("a", number=str(number)))
    with client.watch(resourceVersion=version) as events:
        assert events.next()["object"]["code"] == 410
    with client.watch(resourceVersion=version + 1) as events:
        assert events.next()["object"]["metadata"]["labels"] == {"number": "1"}


def test_a_version_that_is_none_is_400(client: Client) -> None:
    assert client.get(SERVICES, watch="true", resourceVersion="x").status_code == 400


def test_dropped_watches_break_off(server: ApiServer, client: Client) -> None:
    with client.watch(resourceVersion=client.version()) as events:
        server.put(service("a"))
        assert events.told() == ("ADDED", "a")
        server.drop_watches()
        with pytest.raises(httpx.TransportError):
            events.next()
