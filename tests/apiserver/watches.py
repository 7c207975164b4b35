"""Watches: what changes in a selection, as a stream of JSON lines."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web
from tests.apiserver.kinds import Item
from tests.apiserver.problems import Problem, expired
from tests.apiserver.selectors import Selector
from tests.apiserver.store import Change, Store
from tests.apiserver.targets import Target

BOOKMARK_SECONDS = 0.5
"""How long a watch is quiet before its bookmark; about a minute in a real server."""
LONGEST_SECONDS = 1800.0
"""How long a watch without `timeoutSeconds` lasts: a real one's --min-request-timeout."""


class Watches:
    """Every open watch, so that all can be ended at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[_Watch] = set()
        self._next: Problem | None = None

    async def answer(self, request: web.Request, target: Target) -> web.StreamResponse:
        watch = _Watch(self._store, request, target)
        self._open.add(watch)
        if self._next is not None:
            watch.fail(self._next)
            self._next = None
        try:
            return await watch.run()
        finally:
            self._open.discard(watch)

    def fail(self, problem: Problem) -> None:
        """End every watch by an ERROR event; where none is open, the next one."""
        for watch in self._open:
            watch.fail(problem)
        self._next = None if self._open else problem

    def drop(self) -> None:
        """Cut the connection under every watch."""
        for watch in list(self._open):
            watch.drop()


class _Watch:
    """One watch: changes of the store wait in a queue for it."""

    def __init__(self, store: Store, request: web.Request, target: Target) -> None:
        query = request.query
        if query.get("sendInitialEvents"):
            raise Problem(422, "sendInitialEvents is forbidden for watch: WatchList is off")
        self._store = store
        self._request = request
        self._target = target
        self._selector = Selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        self._bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self._seconds = float(query.get("timeoutSeconds") or LONGEST_SECONDS)
        self._news: asyncio.Queue[Change | Problem] = asyncio.Queue()
        self._response = web.StreamResponse(headers={"Content-Type": "application/json"})

    def fail(self, problem: Problem) -> None:
        self._news.put_nowait(problem)

    def drop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self) -> web.StreamResponse:
        """Stream until the time is over, or an ERROR event has been sent."""
        unfollow = self._store.follow(self._news.put_nowait)
        try:
            earlier = self._earlier()
            self._response.enable_chunked_encoding()
            await self._response.prepare(self._request)
            await self._send(*earlier)
            if not any(event["type"] == "ERROR" for event in earlier):
                await self._stream()
        finally:
            unfollow()
        await self._response.write_eof()
        return self._response

    def _earlier(self) -> list[Item]:
        """What is to be sent at once: what was missed, or everything there is.

        A version that is compacted away is told by an event, as a real server does for a watch.
        """
        version = self._request.query.get("resourceVersion", "")
        if version in ("", "0"):
            every = self._store.items(self._target.kind, self._target.namespace)
            return [_event("ADDED", item) for item in every if self._selector.matches(item)]
        try:
            missed = self._store.since(_version(version))
        except Problem as problem:
            if problem.code != expired().code:
                raise
            return [_event("ERROR", problem.status())]
        return [event for event in map(self._seen, missed) if event is not None]

    async def _stream(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._seconds
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, BOOKMARK_SECONDS)):
                    news = await self._news.get()
            except TimeoutError:
                await self._bookmark()
                continue
            if isinstance(news, Problem):
                await self._send(_event("ERROR", news.status()))
                return
            if event := self._seen(news):
                await self._send(event)

    def _seen(self, change: Change) -> Item | None:
        """A change as this watch sees it: leaving the selection is DELETED, entering ADDED."""
        kind, namespace = self._target.kind, self._target.namespace
        if change.kind != kind or namespace not in ("", change.namespace):
            return None
        before, after = (
            item if item is not None and self._selector.matches(item) else None
            for item in (change.before, change.after)
        )
        if after is not None:
            return _event("MODIFIED" if before is not None else "ADDED", after)
        if before is None:
            return None
        version = {"resourceVersion": str(change.version)}
        return _event("DELETED", before | {"metadata": before["metadata"] | version})

    async def _bookmark(self) -> None:
        if self._bookmarks and self._news.empty():
            kind = self._target.kind
            metadata = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
            item = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
            await self._send(_event("BOOKMARK", item))

    async def _send(self, *events: Item) -> None:
        await self._response.write(b"".join(json.dumps(event).encode() + b"\n" for event in events))


def _event(type_: str, item: Item) -> Item:
    return {"type": type_, "object": item}


def _version(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise Problem(400, f'invalid resource version "{text}"') from error
