"""The API server of a cluster, asked for Services alone. `kubernetes` is imported when needed."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chorus_discovery.errors import ApiServerError, Denied, Gone, Unreachable
from chorus_discovery.keepalive import keep_alive
from chorus_discovery.services import SELECTOR, Item

if TYPE_CHECKING:
    from kubernetes.aio.client import Configuration

PAGE: Final = 500  # Services in one answer, as many as kubectl asks for
ANSWER_SECONDS: Final = 30.0  # to a list; of a watch, until it begins
GRACE_SECONDS: Final = 10  # beyond the time at which the API server ends a watch itself


@dataclass(frozen=True)
class Listing:
    """All labelled Services of a namespace, and the resourceVersion at which they were these."""

    items: Sequence[Item]
    version: str


class Event(NamedTuple):
    """One line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    kind: str
    item: Item

    @property
    def version(self) -> str:
        """The resourceVersion to go on from."""
        return str(self.item["metadata"]["resourceVersion"])


class Cluster:
    """An API server, and the namespace that this process belongs to there."""

    def __init__(self, configuration: "Configuration", namespace: str) -> None:
        from kubernetes.aio.client import ApiClient, CoreV1Api

        self.namespace = namespace
        self._client = ApiClient(configuration)
        self._api = CoreV1Api(self._client)

    async def list_services(self, namespace: str) -> Listing:
        """List the labelled Services of a namespace, page by page. Raises ApiServerError."""
        items: list[Item] = []
        more = None
        while True:
            page = await self._page(namespace, more)
            items += page.get("items") or ()
            metadata = page["metadata"]
            more = metadata.get("continue")
            if not more:
                return Listing(items, str(metadata["resourceVersion"]))

    async def _page(self, namespace: str, more: str | None) -> dict[str, Any]:
        with _mapping():
            response = await self._api.list_namespaced_service_without_preload_content(
                namespace,
                label_selector=SELECTOR,
                limit=PAGE,
                _continue=more,
                _request_timeout=ANSWER_SECONDS,
            )
            async with response:
                _require_ok(response.status, "list", namespace)
                body = await response.read()
        with suppress(ValueError):
            page = json.loads(body)
            if isinstance(page, dict) and "metadata" in page:
                return page
        raise Unreachable("what answers is no API server")

    @asynccontextmanager
    async def watch_services(
        self, namespace: str, version: str, seconds: int
    ) -> AsyncIterator[AsyncIterable[bytes]]:
        """Watch them from a resourceVersion on; a line for each event. Raises ApiServerError."""
        with _mapping():
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._api.list_namespaced_service_without_preload_content(
                    namespace,
                    label_selector=SELECTOR,
                    watch=True,
                    resource_version=version,
                    allow_watch_bookmarks=True,
                    timeout_seconds=seconds,
                    _request_timeout=float(seconds + GRACE_SECONDS),
                )
            async with response:
                _require_ok(response.status, "watch", namespace)
                keep_alive(response)
                yield response.content

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def read_event(line: bytes, namespace: str) -> Event:
    """Read a line of a watch. Raises ApiServerError if it reports one, or breaks off."""
    try:
        event = json.loads(line)
        kind, item = event["type"], event["object"]
    except (ValueError, KeyError, TypeError):
        raise Unreachable("the watch broke off") from None
    if kind == "ERROR":
        raise _error(item.get("code", 0), "watch", namespace)
    return Event(kind, item)


@contextmanager
def _mapping() -> Iterator[None]:
    """Errors of the client and of the network as our own."""
    from aiohttp import ClientError
    from kubernetes.aio.config import ConfigException

    try:
        yield
    except TimeoutError:
        raise Unreachable("the API server does not answer") from None
    except (ClientError, OSError) as error:
        raise Unreachable(f"the API server cannot be reached: {type(error).__name__}") from error
    except ConfigException as error:
        raise Unreachable("the service account's token cannot be read") from error


def _require_ok(status: int, verb: str, namespace: str) -> None:
    if status != 200:
        raise _error(status, verb, namespace)


def _error(status: int, verb: str, namespace: str) -> ApiServerError:
    match status:
        case 401:
            return Denied(
                f"the API server does not know the account that is to {verb} services in "
                f"namespace {namespace} (401)"
            )
        case 403:
            return Denied(f"the account may not {verb} services in namespace {namespace} (403)")
        case 410:
            return Gone(f"the API server remembers too little to {verb} on (410)")
        case _:
            return ApiServerError(f"the API server answered {status} to a {verb} of services")
