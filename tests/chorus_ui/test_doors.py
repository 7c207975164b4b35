"""What a page may be asked for, by whoever reaches its port; a real process answers."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser.webpage import WebPage

from chorus_ui.app import LARGEST_FILE
from chorus_ui.doors import LONGEST

CLOSED = (
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/app_id",
    "/gradio_api/runs",
    "/gradio_api/deep_link",
    "/gradio_api/proxy=http://127.0.0.1/",
    "/gradio_api/vibe-code",
    "/gradio_api/custom_component/a/b/c/d",
    "/monitoring",
    "/docs",
    "/openapi.json",
    "/login",
)


class Visited(BaseHTTPRequestHandler):
    """A server that a page may be talked into asking."""

    visits: list[str]

    def do_GET(self) -> None:
        self.visits.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def inside() -> Iterator[str]:
    Visited.visits = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Visited) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret.png"
        server.shutdown()
    assert Visited.visits == []


@pytest.fixture(scope="module")
def config(lonely: WebPage) -> dict[str, Any]:
    config: dict[str, Any] = httpx.get(f"{lonely.url}/config").json()
    return config


def event_with_a_file(lonely: WebPage, config: dict[str, Any], file: dict[str, Any]) -> str:
    """Ask for the answer to an image, as the page does; what comes of it."""
    kinds = {one["id"]: one["type"] for one in config["components"]}
    event = next(
        one
        for one in config["dependencies"]
        if one["queue"] and "image" in map(kinds.get, one["inputs"])
    )
    data: list[Any] = [None] * len(event["inputs"])
    data[[kinds[one] for one in event["inputs"]].index("image")] = file
    body = {"data": data, "fn_index": event["id"], "session_hash": secrets.token_hex(5)}
    joined = httpx.post(f"{lonely.url}/gradio_api/queue/join", json=body)
    if joined.is_error:
        return f"{joined.status_code} {joined.text}"
    data_url = f"{lonely.url}/gradio_api/queue/data"
    parameters = {"session_hash": body["session_hash"]}
    with httpx.stream("GET", data_url, params=parameters, timeout=60) as events:
        return next(line for line in events.iter_lines() if "process_completed" in line)


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_page_does_not_need_is_closed(lonely: WebPage, path: str) -> None:
    for method in ("GET", "POST"):
        assert httpx.request(method, lonely.url + path).status_code == 404


@pytest.mark.parametrize("path", ["/etc/passwd", str(Path(__file__)), "/proc/self/environ"])
def test_no_file_of_the_server_is_served(lonely: WebPage, path: str) -> None:
    assert httpx.get(f"{lonely.url}/gradio_api/file={path}").status_code == 403


def test_no_file_of_the_server_is_read(lonely: WebPage, config: dict[str, Any]) -> None:
    meta = {"_type": "gradio.FileData"}
    for path in ("/etc/passwd", "../../etc/passwd", str(Path(__file__))):
        for file in ({"path": path, "meta": meta}, {"path": path}):
            assert event_with_a_file(lonely, config, file).startswith("400 ")


def test_no_url_is_fetched(lonely: WebPage, config: dict[str, Any], inside: str) -> None:
    assert httpx.get(f"{lonely.url}/gradio_api/file={inside}").status_code == 404
    meta = {"_type": "gradio.FileData"}
    assert event_with_a_file(lonely, config, {"path": inside, "meta": meta}).startswith("400 ")
    uploaded = upload(lonely, "photo.png", b"no picture")
    outcome = event_with_a_file(lonely, config, {"path": uploaded, "url": inside, "meta": meta})
    assert "process_completed" in outcome


def upload(page: WebPage, name: str, content: bytes) -> str:
    answer = httpx.post(f"{page.url}/gradio_api/upload", files={"files": (name, content)})
    (path,) = answer.raise_for_status().json()
    return str(path)


def test_what_was_uploaded_is_served_and_never_as_a_page(lonely: WebPage) -> None:
    path = upload(lonely, "../../page.html", b"<script>alert(1)</script>")
    assert ".." not in path
    answer = httpx.get(f"{lonely.url}/gradio_api/file={path}")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_file_that_is_too_large_is_refused(lonely: WebPage) -> None:
    files = {"files": ("photo.png", bytes(LARGEST_FILE + 1))}
    assert httpx.post(f"{lonely.url}/gradio_api/upload", files=files).status_code == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"x" * (LONGEST + 1), 413), (b"[" * 100_000, 400), (b"", 400), (b"\xff", 400)],
)
def test_an_event_is_read_with_care(lonely: WebPage, body: bytes, status: int) -> None:
    answer = httpx.post(f"{lonely.url}/gradio_api/queue/join", content=body)
    assert answer.status_code == status
    assert json.loads(answer.text)["error"]


def test_the_browser_is_told_what_to_load(lonely: WebPage) -> None:
    headers = httpx.get(lonely.url).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_is_compressed(lonely: WebPage) -> None:
    answer = httpx.get(lonely.url)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 64 << 10
    assert httpx.head(lonely.url).status_code == 200


def test_a_log_shows_no_text_and_no_traceback(lonely: WebPage, config: dict[str, Any]) -> None:
    path = upload(lonely, "photo-of-somebody.png", b"no picture")
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    event_with_a_file(lonely, config, file)
    log = lonely.log.read_text()
    assert "Traceback" not in log
    assert "somebody" not in log
