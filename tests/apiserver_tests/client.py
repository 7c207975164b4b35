"""A client of the API server's HTTP, and objects to send it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tests.apiserver.kinds import Item
from tests.apiserver.server import ApiServer

SECONDS = 60.0
"""Longest wait for any answer: a deadline for what hangs, not a measure."""
SERVICES = "/api/v1/namespaces/default/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def service(name: str, namespace: str = "default", **labels: str) -> Item:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"ports": [{"name": "v2-http", "port": 8080}]},
    }


Connect = Callable[..., "Client"]
"""`connect()` is the administrator's client, `connect(token)` that of another user."""


class Client:
    """HTTP over TLS, as one user."""

    def __init__(self, server: ApiServer, token: str | None = None) -> None:
        self.http = httpx.Client(
            base_url=server.url,
            verify=ssl.create_default_context(cafile=str(server.ca_file)),
            headers={"Authorization": f"Bearer {token or server.admin_token}"},
            timeout=SECONDS,
        )

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query)

    def names(self, path: str, **query: Any) -> list[str]:
        """The names in a list, which must succeed."""
        answer = self.get(path, **query).raise_for_status()
        return [item["metadata"]["name"] for item in answer.json()["items"]]

    def version(self) -> str:
        """The version of a list now."""
        return str(self.get(SERVICES).json()["metadata"]["resourceVersion"])

    def patch(self, path: str, body: Item, form: str, **query: Any) -> httpx.Response:
        headers = {"Content-Type": f"application/{form}"}
        return self.http.patch(path, content=json.dumps(body), headers=headers, params=query)

    @contextmanager
    def watch(self, path: str = SERVICES, **query: Any) -> Iterator[Events]:
        """An open watch."""
        with self.http.stream("GET", path, params={"watch": "true", **query}) as answer:
            yield Events(answer)


class Events:
    """The events of a watch, one after another."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def __iter__(self) -> Iterator[Item]:
        """All until the watch ends."""
        return (json.loads(line) for line in self._lines)

    def next(self) -> Item:
        """The next one that is no bookmark."""
        return next(event for event in self if event["type"] != "BOOKMARK")

    def told(self) -> tuple[str, str]:
        """The type of the next one that is no bookmark, and the name of its object."""
        event = self.next()
        return event["type"], event["object"]["metadata"]["name"]
