"""T42: no path, method or header leads past the gateway's keys; over sockets, on every route."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from starlette.routing import Route
from tests.conftest import Launch, Runtime
from tests.reliability import key_files
from tests.reliability.gateways import gateway_before
from tests.reliability.key_files import ADMIN, INFER, METRICS, Key
from tests.reliability.sockets import connected, heard, said, status

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WRONG: Final = Key("nobody")
PROBES: Final = {"/healthz", "/readyz"}
WORK: Final = {
    "/",
    "/process",
    "/process/",
    "/predict",
    "/predict/",
    "/classify",
    "/models",
    "/models/{name}",
    "/models/{name}/health",
    "/models/{name}/info",
    "/models/{name}/v1/completions",
    "/models/{name}/v1/chat/completions",
}
DOCUMENTATION: Final = {
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css",
    "/docs/favicon.png",
}
MAY: Final = {
    **dict.fromkeys(WORK, frozenset({INFER, ADMIN})),
    **dict.fromkeys(DOCUMENTATION, frozenset({ADMIN})),
    "/metrics": frozenset({METRICS, ADMIN}),
}
"""Which keys a route is for. A route that is in none of these is not decided upon."""
ROUTES: Final = [route.path for route in create_app(Settings()).routes if isinstance(route, Route)]
PATHS: Final = [route.replace("{name}", "process") for route in ROUTES]


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Caller:
    """A connection that sends targets and hosts as they are."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(
        self, method: str, target: str, key: Key | None = None, hosts: tuple[str, ...] = ("a",)
    ) -> Answer:
        sending = self._connection
        sending.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for host in hosts:
            sending.putheader("Host", host)
        for name, value in (key.header if key else {}).items():
            sending.putheader(name, value)
        if method in ("POST", "PUT", "PATCH"):
            sending.putheader("Content-Length", "0")
        sending.endheaders()
        response = sending.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    key_files.write(path, INFER, METRICS, ADMIN)
    return path


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime, file: Path) -> Iterator[Runtime]:
    server = gateway_before(launch, faulty, "process", CHORUS_API_KEYS_FILE=str(file))
    yield server
    server.end()


@pytest.fixture
def caller(gateway: Runtime) -> Caller:
    return Caller(gateway.ports.http)


def test_t42_every_route_is_decided_upon() -> None:
    assert set(ROUTES) == MAY.keys() | PROBES


@pytest.mark.parametrize("route", [*ROUTES, "/unknown"])
@pytest.mark.parametrize("key", [None, WRONG, INFER, METRICS, ADMIN], ids=lambda k: k and k.name)
def test_t42_every_method_of_every_route(caller: Caller, route: str, key: Key | None) -> None:
    path = route.replace("{name}", "process")
    for method in METHODS:
        answer = caller.ask(method, path, key)
        if route in PROBES and method in ("GET", "HEAD"):
            assert answer.status in (200, 405)
        elif key is None or key is WRONG:
            assert answer.status == 401, method
            assert answer.headers["www-authenticate"] == "Bearer"
        elif key not in MAY.get(route, {ADMIN}):
            assert answer.status == 403, method
        else:
            assert answer.status not in (401, 403), method
            assert answer.status < 500, method
        if answer.status >= 400 and method != "HEAD":
            assert list(json.loads(answer.body)) == ["error"]
        check_headers(path, answer)


def check_headers(path: str, answer: Answer) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    asset = answer.status == 200 and path.startswith("/docs/")
    assert ("no-store" in answer.headers["cache-control"]) is not asset
    assert "server" not in answer.headers
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("path", ["/v2", "/v2/health/ready", "/unknown"])
def test_t42_answers_of_the_model_server_are_not_kept_either(faulty: Runtime, path: str) -> None:
    answer = Caller(faulty.ports.http).ask("GET", path)
    check_headers(path, answer)
    metrics = Caller(faulty.ports.metrics).ask("GET", "/metrics")
    check_headers(path, metrics)


# ------------------------------------------------------------------------------- odd paths


def odd(path: str) -> list[str]:
    """Other ways to write a path, that a proxy or a careless router may take for it."""
    first, rest = path[1:2], path[2:]
    encoded = f"/%{ord(first):02x}{rest}" if first else "/%2f"
    return [
        f"/{path}",
        f"{path}//",
        f"/.{path}",
        f"/x/..{path}",
        f"/%2e{path}",
        f"/%2e%2e{path}",
        f"/..;{path}",
        f"{path};x",
        f"{path}%00",
        f"{path}%2f",
        f"{path}%3f",
        f"{path}\\",
        f"/healthz/..{path}",
        f"/healthz%2f..{path}",
        encoded,
        encoded.replace("%", "%25"),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_t42_no_other_way_to_write_a_path_leads_in(caller: Caller, path: str) -> None:
    for target in odd(path):
        for method in ("GET", "POST"):
            assert caller.ask(method, target).status in (400, 401), target
            assert caller.ask(method, target, WRONG).status in (400, 401), target
            assert caller.ask(method, target, INFER).status in (400, 403), target
            assert caller.ask(method, target, ADMIN).status in (400, 404, 405), target


@pytest.mark.parametrize("path", sorted(PROBES))
def test_t42_a_probe_is_that_path_alone(caller: Caller, path: str) -> None:
    for target in (f"{path}/", path.upper(), f"{path}x", f"{path}%20", f"{path}/..", f"{path}?x=/"):
        assert caller.ask("GET", target).status == (200 if "?" in target else 401), target


@pytest.mark.parametrize("path", PATHS)
def test_t42_an_absolute_target_is_its_path(caller: Caller, path: str) -> None:
    for target in (
        f"http://a{path}",
        f"http://healthz{path}?/healthz",
        f"HTTP://a:1{path}#/readyz",
    ):
        answer = caller.ask("GET", target)
        assert answer.status in ({200} if path in PROBES else {400, 401}), target


@pytest.mark.parametrize(
    "target", ["*", "http://a", "?", "#", "healthz", "a:443", "//healthz", "/"]
)
def test_t42_a_target_that_is_no_path_leads_nowhere(caller: Caller, target: str) -> None:
    for method in ("GET", "OPTIONS", "CONNECT", "POST"):
        assert caller.ask(method, target).status in (400, 401), method


# ------------------------------------------------------------------------------------ Host

BAD_HOSTS: Final = [
    ("x/healthz?",),
    ("a/healthz#",),
    ("@a",),
    ("a b",),
    ("",),
    ("[::1",),
    ("a:b",),
    ("a", "a"),
    ("a", "x/healthz?"),
    (),
]


@pytest.mark.parametrize("hosts", BAD_HOSTS, ids=repr)
def test_t42_a_host_is_a_host(gateway: Runtime, hosts: tuple[str, ...]) -> None:
    for path in PATHS:
        for key in (None, INFER, ADMIN):
            assert Caller(gateway.ports.http).ask("GET", path, key, hosts).status == 400


@pytest.mark.parametrize("host", ["a", "localhost:8000", "[::1]:8000", "10.0.0.1", "chorus_gw."])
def test_t42_a_good_host_changes_nothing(caller: Caller, host: str) -> None:
    assert caller.ask("GET", "/healthz", hosts=(host,)).status == 200
    assert caller.ask("GET", "/metrics", hosts=(host,)).status == 401
    assert caller.ask("GET", "/metrics", METRICS, hosts=(host,)).status == 200


def test_t42_an_old_probe_knows_no_host(gateway: Runtime) -> None:
    for path, right in (("/healthz", 200), ("/metrics", 401)):
        with connected(gateway.ports.http) as opened:
            said(opened, f"GET {path} HTTP/1.0\r\n\r\n".encode())
            assert status(heard(opened)) == right


# ----------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "headers",
    [
        [f"Bearer {INFER.secret}"] * 2,
        [f"Bearer {INFER.secret}", f"Bearer {WRONG.secret}"],
        [f"Bearer {INFER.secret}, Bearer {ADMIN.secret}"],
        [f"Basic {INFER.secret}"],
        [INFER.secret],
        [f"Bearer {INFER.secret.upper()}"],
        [f"Bearer {INFER.line.split(':')[1].split()[0]}"],
    ],
    ids=range(7),
)
def test_t42_a_key_is_sent_once_and_as_documented(gateway: Runtime, headers: list[str]) -> None:
    lines = ["GET / HTTP/1.1", "Host: a", "Connection: close"]
    lines += [f"Authorization: {value}" for value in headers]
    with connected(gateway.ports.http) as opened:
        said(opened, "\r\n".join([*lines, "", ""]).encode())
        assert status(heard(opened)) == 401


@pytest.mark.parametrize("where", ["?key={}", "?api_key={}", "?authorization=Bearer+{}"])
def test_t42_a_key_is_never_taken_from_an_address(caller: Caller, where: str) -> None:
    assert caller.ask("GET", "/" + where.format(INFER.secret)).status == 401


# ------------------------------------------------------------------- a file that is rewritten

PATIENCE: Final = 30.0
"""Seconds, far above the one after which a file is looked at again."""


@contextmanager
def load(gateway: Runtime, key: Key) -> Iterator[Counter[int]]:
    """Four callers who ask without a pause; what they were answered."""
    seen: Counter[int] = Counter()
    done = threading.Event()

    def ask_until_told() -> None:
        caller = Caller(gateway.ports.http)
        while not done.is_set():
            seen[caller.ask("GET", "/", key).status] += 1

    threads = [threading.Thread(target=ask_until_told) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()


def until(caller: Caller, key: Key, status: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while caller.ask("GET", "/", key).status != status:
        assert time.monotonic() < give_up, f"never {status}"
        time.sleep(0.02)


def test_t42_a_file_is_rewritten_under_load(gateway: Runtime, caller: Caller, file: Path) -> None:
    """Who is added gets in, who is revoked does not; nobody else notices, not even a mistake."""
    guest, next_guest = Key("guest"), Key("next")
    with load(gateway, INFER) as seen:
        key_files.write(file, INFER, METRICS, ADMIN, guest)
        until(caller, guest, 200)
        key_files.replace(file, f"# {guest.line}\na key pasted by mistake\n")
        while "stay in force" not in gateway.log:
            until(caller, guest, 200)
        key_files.write(file, INFER, METRICS, ADMIN, next_guest)
        until(caller, guest, 401)
        until(caller, next_guest, 200)
        key_files.write(file, INFER, METRICS, ADMIN)
        until(caller, next_guest, 401)
    assert list(seen) == [200]
    assert seen[200] > 100
    assert gateway.log.count("stay in force") == 1
    assert "pasted" not in gateway.log
