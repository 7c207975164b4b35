"""The gateway in a cluster: a real API over TLS, real V2 servers, names as a cluster's DNS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.apiserver.server import ApiServer
from tests.chorus_gateway.outbound.names import Names, made_up
from tests.chorus_gateway.v2_server import V2Server
from tests.conftest import free_port

from chorus_discovery.account import in_cluster
from chorus_gateway.app import create_app
from chorus_gateway.discovery import following
from chorus_gateway.settings import Settings

PATIENCE = 20.0  # seconds; what is awaited takes milliseconds
HERE = "team"
LABEL = {"chorus/protocol": "v2"}
ROLE = {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]}


def service(name: str, port: int, *, labels: dict[str, str] | None = None, **spec: Any) -> Any:
    """A headless Service: its name is looked up."""
    ports = [{"name": "v2-http", "port": port, "targetPort": port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": HERE,
            "labels": LABEL if labels is None else labels,
        },
        "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": ports, **spec},
    }


def permission(namespace: str = HERE) -> list[Any]:
    api, metadata = "rbac.authorization.k8s.io/v1", {"name": "chorus", "namespace": namespace}
    subject = {"kind": "ServiceAccount", "name": "chorus", "namespace": HERE}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "chorus"}
    return [
        {"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": [ROLE]},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": metadata,
            "subjects": [subject],
            "roleRef": reference,
        },
    ]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(folder=tmp_path) as server:
        for item in permission():
            server.put(item)
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = made_up(monkeypatch)
    for name in ("one", "two", "empty"):
        found.says(f"{name}.{HERE}.svc.cluster.local", ["127.0.0.1"])
    return found


@pytest.fixture
async def server() -> AsyncIterator[V2Server]:
    async with V2Server(mine="text-classification").running() as server:
        yield server


@pytest.fixture
async def client(
    cluster: ApiServer, names: Names, server: V2Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway in the pod of the account `chorus`, whose own model server is `server`'s double."""
    folder = cluster.account_folder(HERE, "chorus")
    url = httpx.URL(cluster.url)
    pod = {"KUBERNETES_SERVICE_HOST": url.host, "KUBERNETES_SERVICE_PORT": str(url.port)}
    monkeypatch.setattr(following, "in_cluster", partial(in_cluster, folder, pod))
    async with V2Server(own="text-classification").running() as own:
        settings = Settings(
            upstream=own.url, models=("own",), allowed_networks=("127.0.0.0/8",), workers=1
        )
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                yield client


async def ask(client: httpx.AsyncClient, where: str) -> httpx.Response:
    body = {"hf_pipeline": "text-classification", "model_deployed_url": where, "inputs": "a"}
    return await client.post("/predict", json=body)


async def until(
    answer: Callable[[], Awaitable[httpx.Response]], holds: Callable[[httpx.Response], bool]
) -> httpx.Response:
    """Ask again and again until it holds of the answer; fails with the last one."""
    deadline = time.monotonic() + PATIENCE
    while not holds(response := await answer()):
        assert time.monotonic() < deadline, (response.status_code, response.text)
        await asyncio.sleep(0.02)
    return response


def status(code: int) -> Callable[[httpx.Response], bool]:
    return lambda response: response.status_code == code


async def synced(client: httpx.AsyncClient) -> None:
    await until(partial(client.get, "/readyz"), status(200))


async def test_a_labelled_service_is_found_and_an_unlabelled_one_gone(
    client: httpx.AsyncClient, cluster: ApiServer, server: V2Server
) -> None:
    cluster.put(service("one", server.port, labels={}))
    await synced(client)
    url = f"http://one:{server.port}/v2/models/mine/infer"
    ways = ("mine", f"{HERE}/one", f"{HERE}/one/mine", url)
    assert [(await ask(client, way)).status_code for way in ways] == [404, 404, 404, 400]

    cluster.put(service("one", server.port))
    await until(partial(ask, client, "mine"), status(200))
    assert [(await ask(client, way)).status_code for way in ways] == [200] * 4
    by_name = await client.post("/models/mine", json={"inputs": "a"})
    assert by_name.status_code == 200

    cluster.put(service("one", server.port, labels={"chorus/protocol": "v1"}))
    await until(partial(ask, client, "mine"), status(404))
    assert [(await ask(client, way)).status_code for way in ways] == [404, 404, 404, 400]
    assert (await client.post("/models/mine", json={"inputs": "a"})).status_code == 404


async def test_our_own_model_stays_ours(
    client: httpx.AsyncClient, cluster: ApiServer, server: V2Server
) -> None:
    server.tasks["own"] = "text-classification"
    server.states["own"] = "READY"
    cluster.put(service("one", server.port))
    await until(partial(ask, client, "mine"), status(200))
    before = len(server.calls)
    assert (await ask(client, "own")).status_code == 200
    assert len(server.calls) == before


async def test_two_services_with_one_model(
    client: httpx.AsyncClient, cluster: ApiServer, server: V2Server
) -> None:
    for name in ("one", "two"):
        cluster.put(service(name, server.port))
    response = await until(partial(ask, client, "mine"), status(409))
    assert f"{HERE}/one and {HERE}/two" in response.json()["error"]
    assert (await ask(client, f"{HERE}/two")).status_code == 200


async def test_nothing_behind_a_service(client: httpx.AsyncClient, cluster: ApiServer) -> None:
    item = service("empty", free_port())
    item["metadata"]["annotations"] = {"chorus/models": '["mine"]'}
    cluster.put(item)
    response = await until(partial(ask, client, "mine"), status(503))
    assert int(response.headers["retry-after"]) >= 1


async def test_the_list_holds_while_the_api_server_is_away(
    client: httpx.AsyncClient, cluster: ApiServer, server: V2Server
) -> None:
    cluster.put(service("one", server.port))
    await until(partial(ask, client, "mine"), status(200))
    assert "chorus_gateway_discovered_servers 1.0" in (await client.get("/metrics")).text

    cluster.stop()

    async def stale() -> httpx.Response:
        return await client.get("/metrics")

    name = "chorus_gateway_discovery_stale_seconds"
    await until(stale, lambda answer: f"{name} 0.0\n" not in answer.text)
    assert (await ask(client, "mine")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200

    cluster.start()
    cluster.put(service("one", server.port, labels={}))
    await until(partial(ask, client, "mine"), status(404))
    await until(stale, lambda answer: f"{name} 0.0\n" in answer.text)


async def test_services_are_all_that_it_asks_for(
    client: httpx.AsyncClient, cluster: ApiServer
) -> None:
    await synced(client)
    asked = {(one.verb, one.resource, one.namespace) for one in cluster.requests}
    assert ("list", "services", HERE) in asked
    assert asked <= {(verb, "services", HERE) for verb in ROLE["verbs"]}


@pytest.fixture
def denied(cluster: ApiServer) -> None:
    """From before the gateway's start."""
    cluster.faults.status(403)


async def test_it_is_not_ready_before_it_knows_the_servers(
    denied: None, client: httpx.AsyncClient, cluster: ApiServer
) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(one.status == 403 for one in cluster.requests):
            await asyncio.sleep(0.02)
    response = await until(partial(client.get, "/readyz"), lambda got: got.json()["models"]["own"])
    assert (response.status_code, response.json()["discovery"]) == (503, False)
    assert (await ask(client, "own")).status_code == 200
    cluster.faults.clear()
    await synced(client)


async def test_an_address_of_this_machine_is_no_server_of_a_cluster(
    client: httpx.AsyncClient, cluster: ApiServer, server: V2Server, names: Names
) -> None:
    names.says(f"one.{HERE}.svc.cluster.local", ["169.254.169.254"])
    item = service("one", server.port)
    item["metadata"]["annotations"] = {"chorus/models": '["mine"]'}
    cluster.put(item)
    response = await until(partial(ask, client, "mine"), status(400))
    assert "not among those" in response.json()["error"]
    assert not server.calls
