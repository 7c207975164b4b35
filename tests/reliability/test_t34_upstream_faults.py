"""T34: whatever a model server or the way to it does, callers get the right status in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
from tests.conftest import START_SECONDS, Launch, Ports, Runtime, free_port, unexpected

from .chaos_proxy import FAIR, ChaosProxy, Say, Weather, cut, hang, http, proxies, saying

TIMEOUT = 1.0
CONNECT_TIMEOUT = 0.5
FAILURES = 2
PAUSE = 0.5
MOST_BYTES = 1_000_000
CANARY = "upstream-said-so"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"


@dataclass
class Place:
    """A gateway whose own model server is behind one proxy, and a foreign one behind another."""

    gateway: Runtime
    own: ChaosProxy
    foreign: ChaosProxy
    client: httpx.AsyncClient

    async def ask(self, route: str) -> httpx.Response:
        """Ask by a route; whatever comes of it must come soon."""
        start = time.monotonic()
        if route == "/process":
            response = await self.client.post(route, json="a text")
        elif route == "/models":
            response = await self.client.post("/models/left", json={"inputs": "a text"})
        else:
            url = f"http://127.0.0.1:{self.foreign.port}/v2/models/left/infer"
            task = {"hf_pipeline": "text-classification", "model_deployed_url": url}
            response = await self.client.post("/predict", json={**task, "inputs": ["a text"]})
        assert time.monotonic() - start < 10 * TIMEOUT
        return response

    async def wait_until_well(self) -> None:
        for route in ("/process", "/models", "/predict"):
            await until_status(partial(self.ask, route), 200)
        await until_status(partial(self.client.get, "/readyz"), 200)

    def trouble(self, weather: Weather) -> None:
        self.own.weather = self.foreign.weather = weather


async def until_status(ask: Callable[[], Awaitable[httpx.Response]], status: int) -> None:
    async with asyncio.timeout(15):
        while (await ask()).status_code != status:
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def gateway(launch: Launch, ports: tuple[int, int]) -> Iterator[Runtime]:
    own, foreign = (f"http://127.0.0.1:{port}" for port in ports)
    listening = Ports()
    gateway = launch(
        ports=listening,
        command=["chorus_gateway"],
        environment={
            "CHORUS_PORT": str(listening.http),
            "CHORUS_UPSTREAM": own,
            "CHORUS_ALLOWED_SERVERS": foreign,
            "CHORUS_MODELS": "process,left",
            "CHORUS_WORKERS": "1",
            "CHORUS_UPSTREAM_TIMEOUT": str(TIMEOUT),
            "CHORUS_PREDICT_TIMEOUT": str(TIMEOUT),
            "CHORUS_CONNECT_TIMEOUT": str(CONNECT_TIMEOUT),
            "CHORUS_BREAKER_FAILURES": str(FAILURES),
            "CHORUS_BREAKER_PAUSE": str(PAUSE),
            "CHORUS_MAX_ANSWER_BYTES": str(MOST_BYTES),
            "CHORUS_DRAIN_DELAY": "0",
        },
    )
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and gateway.process.poll() is None:
        try:
            httpx.get(f"{gateway.url}/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            break
    else:
        pytest.fail(f"the gateway did not start:\n{gateway.log[-1000:]}", pytrace=False)
    yield gateway
    assert gateway.terminate() == 0, gateway.log
    assert not unexpected(gateway.log)


@pytest.fixture
async def place(gateway: Runtime, faulty: Runtime, ports: tuple[int, int]) -> AsyncIterator[Place]:
    behind = faulty.ports.http
    async with (
        proxies(*((port, behind) for port in ports)) as (own, foreign),
        httpx.AsyncClient(base_url=gateway.url, timeout=30) as client,
    ):
        place = Place(gateway, own, foreign, client)
        await place.wait_until_well()
        yield place


ROUTES = ("/process", "/models", "/predict")

# What each does to /process and /models (our own server) and to /predict (one of the caller's
# choice): who cannot answer now is 503 of ours and 502 of a stranger, who talks nonsense is 502.
FAULTS: dict[str, tuple[Weather, tuple[int, int, int]]] = {
    "silent": (Weather(instead=hang), (504, 504, 504)),
    "late": (Weather(latency=3 * TIMEOUT), (504, 504, 504)),
    "drips": (Weather(slice=1, pause=0.1), (504, 504, 504)),
    "drips a head": (
        Weather(instead=saying(*(bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n"), pause=0.2)),
        (504, 504, 504),
    ),
    "says wait for ever": (
        Weather(instead=saying(b"HTTP/1.1 103 Early Hints\r\n\r\n", pause=0.01, times=9999)),
        (504, 504, 504),
    ),
    "resets": (Weather(instead=cut), (503, 503, 502)),
    "resets in the head": (Weather(cut_after=20), (503, 503, 502)),
    "ends in the head": (Weather(instead=saying(b"HTTP/1.1 200 OK\r\nconte")), (503, 503, 502)),
    "resets in the body": (Weather(cut_after=320), (503, 503, 502)),
    "ends in the body": (
        Weather(instead=saying(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}")),
        (503, 503, 502),
    ),
    "is no HTTP": (Weather(instead=saying(CANARY.encode() + b"\r\n\r\n")), (502, 502, 502)),
    "is binary": (Weather(instead=saying(bytes(range(256)) * 99)), (502, 502, 502)),
    "is no JSON": (Weather(instead=saying(http(f"<p>{CANARY}".encode()))), (502, 502, 502)),
    "is other JSON": (Weather(instead=saying(http(b'["%s"]' % CANARY.encode()))), (502, 502, 502)),
    "is deep JSON": (Weather(instead=saying(http(b"[" * 100_000))), (502, 502, 502)),
    "has no outputs": (Weather(instead=saying(http(b'{"outputs": []}'))), (502, 502, 502)),
    "has wrong outputs": (
        Weather(instead=saying(http(b'{"outputs": [{"name": "x", "shape": [-1], "data": 7}]}'))),
        (502, 502, 502),
    ),
    "is packed": (
        Weather(instead=saying(http(b"\x1f\x8b", "200 OK", "content-encoding: gzip"))),
        (502, 502, 502),
    ),
    "is too long": (Weather(instead=saying(http(b" " * (MOST_BYTES + 1)))), (502, 502, 502)),
    "has no end": (
        Weather(instead=saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b" " * 99_999] * 99)),
        (502, 502, 502),
    ),
    "has a head without end": (
        Weather(instead=saying(b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n" * 999] * 999)),
        (502, 502, 502),
    ),
    "has a wrong chunk": (Weather(instead=saying(CHUNKED + b"no\r\n")), (502, 502, 502)),
    "has a wrong chunk later": (
        Weather(instead=saying(CHUNKED, b"no\r\n", pause=0.1, ending=False)),
        (503, 503, 502),  # not told from a connection that broke
    ),
    "has two lengths": (
        Weather(instead=saying(http(b"{}", "200 OK", "content-length: 3"))),
        (502, 502, 502),
    ),
    "fails": (Weather(instead=saying(http(b"", "500 Internal Server Error"))), (502, 502, 502)),
    "fails and talks": (
        Weather(instead=saying(http(f"/srv/{CANARY}".encode(), "502 Bad Gateway"))),
        (502, 502, 502),
    ),
    "sends elsewhere": (
        Weather(instead=saying(http(b"", "307 See", "location: http://127.0.0.1:1/"))),
        (502, 502, 502),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_t34_the_right_status_in_time(place: Place, name: str) -> None:
    weather, statuses = FAULTS[name]
    place.trouble(weather)
    responses = await asyncio.gather(*map(place.ask, ROUTES))
    assert tuple(response.status_code for response in responses) == statuses
    for response in responses:
        assert response.json().keys() == {"error"}
        assert CANARY not in response.text
        assert ("retry-after" in response.headers) == (response.status_code == 503)


async def test_t34_nobody_listens(place: Place) -> None:
    for proxy in (place.own, place.foreign):
        proxy.refuse()
        proxy.reset_all()
    responses = await asyncio.gather(*map(place.ask, ROUTES))
    assert [response.status_code for response in responses] == [503, 503, 502]
    assert int(responses[0].headers["retry-after"]) >= 5, "a restart takes some seconds"
    await until_status(partial(place.client.get, "/readyz"), 503)


async def test_t34_nobody_lets_connections_come_about(place: Place) -> None:
    for proxy in (place.own, place.foreign):
        proxy.drop()
    responses = await asyncio.gather(*map(place.ask, ROUTES))
    assert [response.status_code for response in responses] == [504, 504, 504]


async def test_t34_a_busy_server_says_when_to_come_back(place: Place) -> None:
    busy = http(b'{"error": "the queue is full"}', "503 Busy", "retry-after: 7")
    place.trouble(Weather(instead=saying(busy)))
    for response in await asyncio.gather(*map(place.ask, ROUTES)):
        assert response.status_code == 503
        assert 7 <= int(response.headers["retry-after"]) <= 9
    place.trouble(FAIR)
    for response in await asyncio.gather(*map(place.ask, ROUTES)):
        assert response.status_code == 200, "being busy opens no breaker"


async def test_t34_inference_is_sent_once_more_when_it_was_cut_off_unanswered(
    place: Place,
) -> None:
    async def cut_once(answers: asyncio.StreamWriter) -> None:
        place.own.weather = FAIR

    place.own.weather = Weather(instead=cut_once)
    before = place.own.posts
    assert (await place.ask("/process")).status_code == 200
    assert place.own.posts == before + 2


@pytest.mark.parametrize("name", ["silent", "resets in the body", "is no JSON"])
async def test_t34_nothing_is_sent_again_that_may_have_run(place: Place, name: str) -> None:
    place.trouble(FAULTS[name][0])
    before = place.own.posts + place.foreign.posts
    await asyncio.gather(*map(place.ask, ROUTES))
    assert place.own.posts + place.foreign.posts == before + len(ROUTES)


@pytest.mark.parametrize("say", [hang, cut])
@pytest.mark.parametrize(("routes", "server"), [(ROUTES[:2], "0"), (ROUTES[2:], "foreign")])
async def test_t34_a_breaker_opens_and_closes(
    place: Place, routes: tuple[str, ...], server: str, say: Say
) -> None:
    proxy = place.own if server == "0" else place.foreign
    proxy.weather = Weather(instead=say, for_all=True)
    await asyncio.gather(*(place.ask(routes[-1]) for _ in range(FAILURES)))
    before = proxy.posts
    start = time.monotonic()
    for route in routes:
        assert (await place.ask(route)).status_code == (503 if server == "0" else 502)
    assert time.monotonic() - start < TIMEOUT / 2, "nobody waits for what is known to fail"
    assert proxy.posts == before
    assert await open_breakers(place, server) == 1
    assert (await place.client.get("/readyz")).status_code == (503 if server == "0" else 200)
    place.trouble(FAIR)
    for route in routes:
        await until_status(partial(place.ask, route), 200)
    assert await open_breakers(place, server) == 0
    assert (await place.client.get("/readyz")).status_code == 200


async def open_breakers(place: Place, server: str) -> float:
    page = (await place.client.get("/metrics")).text
    name = f'chorus_gateway_open_breakers{{server="{server}"}} '
    (value,) = [line[len(name) :] for line in page.splitlines() if line.startswith(name)]
    return float(value)
