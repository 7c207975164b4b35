"""The directory against a real API server's answers: changes, and every way to lose it."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import ClientSession
from tests.apiserver.server import ApiServer
from tests.chorus_discovery.conftest import allow, asked, connect, following, until
from tests.chorus_discovery.objects import service

from chorus_discovery import backoff, cluster, follower
from chorus_discovery.cluster import Cluster
from chorus_discovery.directory import Directory
from chorus_discovery.services import Service

LISTED = ("list", 200)
WATCHED = ("watch", 200)
SHORT_OUTAGE = 1.0  # seconds


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "chorus.discovery"]


@pytest.fixture(autouse=True)
def _fast_and_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.2)
    caplog.set_level(logging.INFO, "chorus.discovery")


async def test_services_come_change_and_go(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(service("first"))
    server.put(service("plain", labels={}))
    seen: list[Mapping[str, Service]] = []
    directory = Directory(connect(server), (), seen.append)
    assert not directory.synced
    await directory.open()
    await until(lambda: directory.synced)
    assert list(directory.services) == ["chorus/first"]

    server.put(service("second", annotations={"chorus/models": '["a"]'}))
    await until(lambda: "chorus/second" in directory.services)
    assert directory.services["chorus/second"].models == ("a",)
    server.put(service("second", annotations={"chorus/models": '["b"]'}))
    await until(lambda: directory.services["chorus/second"].models == ("b",))
    # A change of nothing that matters is none.
    server.put(service("second", annotations={"chorus/models": '["b"]', "note": "x"}))
    server.put(service("plain"))
    await until(lambda: "chorus/plain" in directory.services)
    server.put(service("plain", labels={}))
    await until(lambda: "chorus/plain" not in directory.services)
    server.delete("Service", "chorus", "first")
    await until(lambda: list(directory.services) == ["chorus/second"])
    await directory.close()

    assert [sorted(key.removeprefix("chorus/") for key in one) for one in seen] == [
        ["first"],
        ["first", "second"],
        ["first", "second"],
        ["first", "plain", "second"],
        ["first", "second"],
        ["second"],
    ]
    assert said(caplog) == [
        "chorus/first is a model server at port 8080, models not named",
        "chorus/second is a model server at port 8080, 1 models named",
        "chorus/second is a model server at port 8080, 1 models named",
        "chorus/plain is a model server at port 8080, models not named",
        "chorus/plain is gone",
        "chorus/first is gone",
    ]
    assert asked(server) == [LISTED, WATCHED]


async def test_a_refused_service_is_said_once_and_heals(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(service("odd", type="ExternalName"))
    server.put(service("fine", annotations={"chorus/models": "a,b"}))
    async with following(server) as directory:
        await until(lambda: "chorus/fine" in directory.services)
        assert "chorus/odd" not in directory.services
        server.put(service("odd", type="ExternalName", externalName="still.example"))
        server.put(service("odd"))
        await until(lambda: "chorus/odd" in directory.services)
    lines = said(caplog)
    assert len([line for line in lines if "odd is refused" in line]) == 1
    assert len([line for line in lines if "fine: the annotation chorus/models" in line]) == 1
    assert lines[-1] == "chorus/odd is a model server at port 8080, models not named"


async def test_an_error_of_our_own_ends_nothing(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(services: Mapping[str, Service]) -> None:
        if "chorus/second" not in services:
            raise RuntimeError("on purpose")

    server.put(service("first"))
    directory = Directory(connect(server), (), fail)
    await directory.open()
    await until(lambda: "on purpose" in caplog.text)
    assert list(directory.services) == ["chorus/first"]
    server.put(service("second"))
    await until(lambda: "chorus/second" in directory.services)
    await directory.close()
    assert len([record for record in caplog.records if record.exc_info]) == 1


async def test_two_namespaces_are_one_directory(server: ApiServer) -> None:
    allow(server, "more")
    server.put(service("scorer"))
    server.put(service("scorer", "more", clusterIPs=["10.96.0.11"]))
    server.put(service("scorer", "elsewhere"))
    async with following(server, "more", "chorus") as directory:
        await until(lambda: directory.synced)
        assert sorted(directory.services) == ["chorus/scorer", "more/scorer"]
        server.delete("Service", "more", "scorer")
        await until(lambda: list(directory.services) == ["chorus/scorer"])
    assert sorted(asked(server)) == [LISTED, LISTED, WATCHED, WATCHED]


async def test_a_namespace_that_is_forbidden_hides_no_other(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(service("scorer"))
    async with following(server, "secret") as directory:
        await until(lambda: "chorus/scorer" in directory.services)
        await until(lambda: ("list", 403) in asked(server))
        assert not directory.synced
        assert directory.stale_seconds > 0
        allow(server, "secret")
        await until(lambda: directory.synced)
    (line,) = [line for line in said(caplog) if "(403)" in line]
    assert "namespace secret" in line
    assert "may not list services" in line


async def test_a_list_of_many_pages(server: ApiServer) -> None:
    for number in range(1001):
        server.put(service(f"scorer-{number}"))
    async with following(server) as directory:
        await until(lambda: directory.synced)
        assert len(directory.services) == 1001
    assert asked(server, "list") == [LISTED] * 3


async def test_a_list_whose_next_page_is_gone_begins_anew(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second", "third"):
        server.put(service(name))
    page, forgotten = Cluster._page, False

    async def forget(self: Cluster, namespace: str, more: str | None) -> dict[str, Any]:
        nonlocal forgotten
        if more and not forgotten:
            forgotten = True
            server.delete("Service", "chorus", "second")
            server.compact()
        return await page(self, namespace, more)

    monkeypatch.setattr(cluster, "PAGE", 1)
    monkeypatch.setattr(Cluster, "_page", forget)
    async with following(server) as directory:
        await until(lambda: directory.synced)
        assert sorted(directory.services) == ["chorus/first", "chorus/third"]
    assert asked(server, "list") == [LISTED, ("list", 410), LISTED, LISTED]


@pytest.mark.parametrize("how", ["status", "event"])
async def test_a_version_that_is_too_old_is_listed_anew_at_once(
    server: ApiServer,
    how: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 1000.0)  # whoever waits is late
    monkeypatch.setattr(backoff, "MOST_SECONDS", 1000.0)
    server.put(service("first"))
    if how == "status":
        server.faults.status(410, times=1, verb="watch")
    else:
        server.faults.event_410()
    async with following(server) as directory:
        await until(lambda: asked(server).count(WATCHED) == (1 if how == "status" else 2))
        server.put(service("second"))
        await until(lambda: "chorus/second" in directory.services)
    first = ("watch", 410) if how == "status" else WATCHED
    assert asked(server) == [LISTED, first, LISTED, WATCHED]
    assert not [line for line in said(caplog) if "not followed" in line]


async def test_what_changed_behind_a_gap_is_found(server: ApiServer) -> None:
    server.put(service("first"))
    server.put(service("second"))
    async with following(server) as directory:
        await until(lambda: WATCHED in asked(server))
        server.stop()
        server.delete("Service", "chorus", "first")
        server.put(service("third"))
        server.compact()
        assert sorted(directory.services) == ["chorus/first", "chorus/second"]
        server.start()
        await until(lambda: sorted(directory.services) == ["chorus/second", "chorus/third"])


async def test_versions_that_cannot_be_watched_are_not_listed_without_end(
    server: ApiServer,
) -> None:
    server.faults.status(410, seconds=SHORT_OUTAGE, verb="watch")
    async with following(server) as directory:
        await until(lambda: WATCHED in asked(server))
        await until(lambda: directory.stale_seconds == 0)
    assert len(asked(server)) <= 14


async def test_errors_of_the_server_keep_the_list_and_the_place(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(service("first"))
    async with following(server) as directory:
        await until(lambda: WATCHED in asked(server))
        server.faults.status(500, times=2, verb="watch")
        server.drop_watches()
        await until(lambda: directory.stale_seconds > 0)
        assert list(directory.services) == ["chorus/first"]
        server.put(service("meanwhile"))
        await until(lambda: "chorus/meanwhile" in directory.services)
        await until(lambda: directory.stale_seconds == 0)
    assert asked(server) == [LISTED, WATCHED, ("watch", 500), ("watch", 500), WATCHED]
    lines = [line for line in said(caplog) if "followed" in line]
    assert lines == [
        "the Services of namespace chorus are not followed: "
        "the API server answered 500 to a watch of services",
        "the Services of namespace chorus are followed again",
    ]


async def test_a_permission_that_is_taken_away_for_a_while(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(service("first"))
    async with following(server) as directory:
        await until(lambda: WATCHED in asked(server))
        server.faults.status(403, seconds=SHORT_OUTAGE)
        server.drop_watches()
        await until(lambda: ("watch", 403) in asked(server))
        assert list(directory.services) == ["chorus/first"]
        assert directory.synced
        await until(lambda: asked(server)[-1] == WATCHED)
    assert len(asked(server)) <= 8
    assert len([line for line in said(caplog) if "may not watch services" in line]) == 1


async def test_the_api_server_away_and_back(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(service("first"))
    async with following(server) as directory:
        await until(lambda: WATCHED in asked(server))
        await until(lambda: directory.stale_seconds == 0)
        server.stop()
        await until(lambda: directory.stale_seconds > SHORT_OUTAGE)
        assert list(directory.services) == ["chorus/first"]
        assert directory.synced
        server.start()
        server.put(service("second"))
        await until(lambda: "chorus/second" in directory.services)
        assert directory.stale_seconds == 0
    lines = [line for line in said(caplog) if "followed" in line]
    assert len(lines) == 2
    assert "are not followed: the API server cannot be reached" in lines[0]
    assert "are followed again" in lines[1]


async def test_without_an_api_server_nothing_is_synced(server: ApiServer) -> None:
    server.stop()
    try:
        async with following(server) as directory:
            await asyncio.sleep(0.5)
            assert not directory.synced
            assert not directory.services
            assert directory.stale_seconds > 0
    finally:
        server.start()


async def test_a_watch_that_ends_in_time_goes_on_where_it_was(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "WATCH_SECONDS", 2)
    server.put(service("first"))
    async with following(server) as directory:
        await until(lambda: asked(server).count(WATCHED) == 2)
        await until(lambda: directory.stale_seconds == 0)
        server.put(service("second"))
        await until(lambda: "chorus/second" in directory.services)
    assert asked(server, "list") == [LISTED]


async def test_watches_that_end_at_once_are_not_begun_without_end(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "WATCH_SECONDS", 0)
    async with following(server) as directory:
        await until(lambda: directory.synced)
        began = time.monotonic()
        await until(lambda: asked(server).count(WATCHED) == 3)
        # Waits of at least 0.1 and 0.2 s came between them.
        assert time.monotonic() - began > 0.25


async def test_bookmarks_move_the_place_to_go_on_from(server: ApiServer) -> None:
    async with following(server) as directory:
        await until(lambda: WATCHED in asked(server))
        put = int(server.put(service("plain", labels={}))["metadata"]["resourceVersion"])

        def begun() -> list[int]:
            watches = [one for one in server.requests if one.verb == "watch"]
            return [int(one.query["resourceVersion"]) for one in watches]

        async def drop() -> None:
            watches = len(begun())
            server.drop_watches()
            await until(lambda: len(begun()) > watches)

        while begun()[-1] < put:
            await asyncio.sleep(0.7)  # longer than the server waits for its next bookmark
            await drop()
        assert not directory.services
    assert asked(server, "list") == [LISTED]


async def test_a_token_that_rotates_is_read_anew(server: ApiServer) -> None:
    folder = server.account_folder("chorus", "chorus")
    old = (folder / "token").read_text()
    directory = Directory(connect(server, folder), (), lambda _: None)
    await directory.open()
    await until(lambda: WATCHED in asked(server))
    server.account_folder("chorus", "chorus")
    server.revoke(old)
    server.drop_watches()
    server.put(service("second"))
    await until(lambda: "chorus/second" in directory.services)
    await directory.close()
    assert (folder / "token").read_text() != old
    assert asked(server) == [LISTED, WATCHED, WATCHED]


@pytest.mark.parametrize("is_away", [False, True], ids=["live", "away"])
async def test_closing_leaves_nothing_behind(server: ApiServer, is_away: bool) -> None:
    problems: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))
    before = _open_sessions()
    await _open_and_close(server, is_away)
    assert _open_sessions() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    await asyncio.sleep(0.05)
    assert not problems


def _open_sessions() -> set[ClientSession]:
    return {one for one in gc.get_objects() if isinstance(one, ClientSession) and not one.closed}


async def _open_and_close(server: ApiServer, is_away: bool) -> None:
    directory = Directory(connect(server), ("other",), lambda _: None)
    await directory.open()
    await until(lambda: WATCHED in asked(server))
    if is_away:
        server.stop()
        await until(lambda: directory.stale_seconds > 0.5)
    async with asyncio.timeout(20):
        await directory.close()


async def test_no_more_is_asked_than_the_role_allows(server: ApiServer) -> None:
    async with following(server) as directory:
        await until(lambda: directory.synced and WATCHED in asked(server))
    gateway = [one for one in server.requests if "chorus" in one.user]
    assert {(one.verb, one.resource, one.namespace) for one in gateway} == {
        ("list", "services", "chorus"),
        ("watch", "services", "chorus"),
    }
