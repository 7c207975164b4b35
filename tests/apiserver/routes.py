"""From a request to its answer: who asks, what for, whether they may, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from tests.apiserver import patches, targets
from tests.apiserver.access import Question, Rbac, Tokens, User
from tests.apiserver.discovery_documents import documents
from tests.apiserver.faults import ConnectionCut, Faults
from tests.apiserver.kinds import Item
from tests.apiserver.lists import Lists
from tests.apiserver.problems import Problem, not_found
from tests.apiserver.store import Store
from tests.apiserver.targets import Asked, Target
from tests.apiserver.watches import Watches
from tests.apiserver.writes import Options, Writes

PUBLIC = ("/healthz", "/livez", "/readyz")
USER = web.RequestKey("user", str)
QUESTION = web.RequestKey("question", Question)


class Routes:
    """Every path of the API; each answer is logged as its head goes out."""

    def __init__(
        self,
        store: Store,
        writes: Writes,
        watches: Watches,
        tokens: Tokens,
        faults: Faults,
        log: Callable[[Asked], None],
    ) -> None:
        self._store, self._writes, self._watches = store, writes, watches
        self._tokens, self._faults, self._log = tokens, faults, log
        self._rbac = Rbac(store)
        self._lists = Lists(store)
        self._documents = documents()

    def application(self) -> web.Application:
        """One for each start: an aiohttp application serves only once."""
        application = web.Application(client_max_size=4 * 2**20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        application.on_response_prepare.append(self._answering)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in PUBLIC:
            return web.Response(text="ok")
        try:
            user = self._tokens.user(request.headers.get("Authorization"))
            request[USER] = user.name
            if request.method == "GET" and request.path in self._documents:
                return web.json_response(self._documents[request.path])
            return await self._authorised(request, user)
        except Problem as problem:
            return web.json_response(problem.status(), status=problem.code)
        except ConnectionCut as cut:
            self._note(request, 0)
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from cut

    async def _authorised(self, request: web.Request, user: User) -> web.StreamResponse:
        target = targets.find(request.method, request.path, request.query)
        request[QUESTION] = target.question
        self._faults.strike(target.verb)
        self._rbac.demand(user, target.question)
        if target.verb == "watch":
            return await self._watches.answer(request, target)
        body = await _body(request) if target.verb not in ("get", "list") else {}
        status, item = self._done(target, request, body)
        return web.json_response(item, status=status)

    def _done(self, target: Target, request: web.Request, body: Item) -> tuple[int, Item]:
        """Status and body; every write that is not a dry run has then happened."""
        options = _options(request.query)
        match target.verb:
            case "get":
                item = self._store.get(target.kind, target.namespace, target.name)
                if item is None:
                    raise not_found(target.kind, target.name)
                return 200, item
            case "list":
                return 200, self._lists.answer(target, request.query)
            case "create":
                return 201, self._writes.create(target, body, options)
            case "update":
                return 200, self._writes.update(target, body, options)
            case "delete":
                return 200, _deleted(target, self._writes.delete(target, body, options))
            case _:
                return self._patched(target, request.content_type, body, options)

    def _patched(
        self, target: Target, content_type: str, body: Item, options: Options
    ) -> tuple[int, Item]:
        if content_type != patches.APPLY:
            return 200, self._writes.patch(target, body, content_type, options)
        item, created = self._writes.apply(target, body, options)
        return (201 if created else 200), item

    async def _answering(self, request: web.Request, response: web.StreamResponse) -> None:
        self._note(request, response.status)

    def _note(self, request: web.Request, status: int) -> None:
        asked = request.get(QUESTION) or Question(request.method.lower(), "", "", "", request.path)
        self._log(
            Asked(
                verb=asked.verb,
                group=asked.group,
                resource=asked.resource,
                namespace=asked.namespace,
                name=asked.name,
                user=request.get(USER, ""),
                status=status,
                query=dict(request.query),
            )
        )


async def _body(request: web.Request) -> Item:
    body = await request.read()
    return patches.read(body, request.content_type) if body else {}


def _options(query: Mapping[str, Any]) -> Options:
    return Options(
        manager=query.get("fieldManager") or "unknown",
        force=query.get("force") in ("true", "1"),
        dry_run=query.get("dryRun") == "All",
    )


def _deleted(target: Target, item: Item) -> Item:
    details = {
        "name": target.name,
        "group": target.kind.group,
        "kind": target.kind.plural,
        "uid": item["metadata"]["uid"],
    }
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
