"""Faults on purpose, the request log, and an API server that goes away."""

from __future__ import annotations

import httpx
import pytest
from tests.apiserver.server import ApiServer
from tests.apiserver.targets import Asked
from tests.apiserver_tests.client import SERVICES, Client, Connect, service


def test_a_status_so_many_times(server: ApiServer, client: Client) -> None:
    server.faults.status(500, times=2)
    answers = [client.get(SERVICES) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert answers[0].json()["kind"] == "Status"


def test_a_status_for_so_long(server: ApiServer, client: Client) -> None:
    server.faults.status(403, seconds=3600)
    assert [client.get(SERVICES).status_code for _ in range(2)] == [403, 403]
    server.faults.clear()
    server.faults.status(403, seconds=0)
    assert client.get(SERVICES).status_code == 200


def test_until_it_is_cleared_and_of_one_verb_only(server: ApiServer, client: Client) -> None:
    server.faults.status(410, verb="watch")
    for _ in range(2):
        assert client.get(SERVICES, watch="true").status_code == 410
        assert client.get(SERVICES).status_code == 200
    server.faults.clear()
    with client.watch(resourceVersion="0") as events:
        assert events.answer.status_code == 200


def test_documents_are_answered_all_the_same(server: ApiServer, client: Client) -> None:
    server.faults.status(503)
    assert client.get("/api/v1").status_code == 200


def test_an_event_410_ends_the_open_watches(server: ApiServer, client: Client) -> None:
    with client.watch(resourceVersion="0") as events:
        server.put(service("a"))
        assert events.told() == ("ADDED", "a")
        server.faults.event_410()
        (event,) = events
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_an_event_410_waits_for_the_next_watch(server: ApiServer, client: Client) -> None:
    server.faults.event_410()
    with client.watch(resourceVersion="0") as events:
        (event,) = events
    assert event["object"]["code"] == 410
    server.put(service("a"))
    with client.watch(resourceVersion="0") as events:
        assert events.told() == ("ADDED", "a")


def test_connections_that_are_cut(server: ApiServer, client: Client) -> None:
    server.faults.refuse_connections(times=1)
    with pytest.raises(httpx.TransportError):
        client.get(SERVICES)
    assert client.get(SERVICES).status_code == 200
    assert [asked.status for asked in server.requests] == [0, 200]


def test_the_log_of_requests(server: ApiServer, client: Client, connect: Connect) -> None:
    account = connect(server.token("shop", "gateway"))
    client.get("/apis/apps/v1/deployments", limit=5)
    account.get(f"{SERVICES}/a")
    client.get("/version")
    client.get("/elsewhere")
    admin, user = "kubernetes-admin", "system:serviceaccount:shop:gateway"
    assert server.requests == [
        Asked("list", "apps", "deployments", "", "", admin, 200, {"limit": "5"}),
        Asked("get", "", "services", "default", "a", user, 403, {}),
        Asked("get", "", "", "", "/version", admin, 200, {}),
        Asked("get", "", "", "", "/elsewhere", admin, 404, {}),
    ]


def test_a_watch_is_in_the_log_while_it_is_open(server: ApiServer, client: Client) -> None:
    with client.watch(resourceVersion="0"):
        (asked,) = server.requests
    assert (asked.verb, asked.resource, asked.status) == ("watch", "services", 200)


def test_away_for_a_while(server: ApiServer, client: Client) -> None:
    server.put(service("a"))
    with client.watch(resourceVersion="0") as events:
        assert events.told() == ("ADDED", "a")
        server.stop()
        with pytest.raises(httpx.TransportError):
            events.next()
    with pytest.raises(httpx.ConnectError):
        client.get(SERVICES)
    server.put(service("b"))
    server.start()
    assert client.names(SERVICES) == ["a", "b"]
