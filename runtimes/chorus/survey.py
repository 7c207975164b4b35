"""The labelled Services of a cluster, and what the model servers behind them say of themselves."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import httpx

from chorus_discovery.account import from_kubeconfig, in_cluster
from chorus_discovery.cluster import Cluster
from chorus_discovery.errors import ApiServerError, NotInCluster
from chorus_discovery.services import Item, Service, key_of, read

NAMESPACES: Final = "CHORUS_DISCOVERY_NAMESPACES"  # what a gateway follows beside its own
AT_ONCE: Final = 16

State = Literal["ready", "not ready", "not reachable", "refused"]


@dataclass(frozen=True)
class Row:
    """A labelled Service; `models` is None where nobody says what they are."""

    server: str
    url: str | None
    models: Sequence[str] | None
    state: State
    reason: str = ""


@dataclass(frozen=True)
class Survey:
    """What was found where; `failures` says in a line each what could not be listed."""

    rows: Sequence[Row]
    namespaces: Sequence[str]
    failures: Sequence[str]
    in_pod: bool


async def survey(namespaces: Sequence[str], timeout: float) -> Survey:
    """List the Services of the namespaces, or the default ones, and ask each for its models.

    Raises NotInCluster, KubernetesMissing, KubeconfigUnusable.
    """
    cluster, in_pod = await _connect()
    try:
        named = os.environ.get(NAMESPACES, "") if in_pod else ""
        beside = [name for name in map(str.strip, named.split(",")) if name]
        chosen = [*dict.fromkeys(namespaces or [cluster.namespace, *beside])]
        items, failures = await _list(cluster, chosen)
    finally:
        await cluster.close()
    # As the gateway does: no proxy stands between it and the servers of its cluster.
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        few = asyncio.Semaphore(AT_ONCE)
        rows = await asyncio.gather(*(_row(client, few, item) for item in items))
    return Survey(rows, chosen, failures, in_pod)


async def _connect() -> tuple[Cluster, bool]:
    try:
        return in_cluster(), True
    except NotInCluster:
        return await from_kubeconfig(), False


async def _list(cluster: Cluster, namespaces: Sequence[str]) -> tuple[list[Item], list[str]]:
    items: list[Item] = []
    failures: list[str] = []
    for namespace in namespaces:
        try:
            items += (await cluster.list_services(namespace)).items
        except ApiServerError as error:
            failures.append(str(error))
    return sorted(items, key=_place), failures


def _place(item: Item) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


async def _row(client: httpx.AsyncClient, few: asyncio.Semaphore, item: Item) -> Row:
    reading = read(item)
    service = reading.service
    if service is None:
        return Row(key_of(item), None, None, "refused", reading.reason)
    async with few:
        state, reason = await _state(client, service)
        models: Sequence[str] | None = service.models
        if models is None and state == "ready":
            models = await _index(client, service)
    return Row(service.key, service.url, models, state, reason or reading.reason)


async def _state(client: httpx.AsyncClient, service: Service) -> tuple[State, str]:
    try:
        answer = await client.get(f"{_address(service)}/v2/health/ready")
    except httpx.TimeoutException:
        return "not reachable", "no answer in time"
    except httpx.RequestError:
        return "not reachable", ""
    if answer.is_success:
        return "ready", ""
    return "not ready", f"it answered {answer.status_code}"


async def _index(client: httpx.AsyncClient, service: Service) -> Sequence[str] | None:
    """The models that it says are ready; None if it does not say."""
    try:
        answer = await client.post(f"{_address(service)}/v2/repository/index", json={})
        listed = answer.raise_for_status().json()
        return sorted({str(one["name"]) for one in listed if one.get("state") == "READY"})
    except (httpx.HTTPError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _address(service: Service) -> str:
    """Where the gateway connects to: the address of the Service, a name where it has none."""
    if not service.addresses:
        return service.url
    host = service.addresses[0]
    return f"http://[{host}]:{service.port}" if ":" in host else f"http://{host}:{service.port}"
