"""A hub on this machine: its API, its files, and the second server that large files come from.

It speaks as much of the real one as a download asks for: a commit with its files and their sizes,
`resolve` with entity tags and linked sizes, redirects of LFS files, ranges, refusals with their
codes. It notes every request, counts what it sends, and fails as it is told to.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

LFS = (".safetensors", ".bin", "tokenizer.json")
CHUNK = 64 << 10


class Request(NamedTuple):
    """One request: `hub` or `cdn`, and what it carried."""

    server: str
    method: str
    path: str
    authorization: str | None
    range: str | None


@dataclass
class Repository:
    """The files of each commit, the commit of each branch, and who may read them."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    token: str | None = None
    """Who does not send it is told that there is no such repository."""

    def commit(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)


@dataclass
class Hub:
    """The repositories, how to fail, and what was asked."""

    url: str = ""
    cdn: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of each file's content that were sent."""
    cut_after: int | None = None
    """Close the connection after so many bytes of a large file; until it is None again."""
    hold_after: int | None = None
    """Send no more of a large file after so many bytes; until it is None again."""
    lies: dict[str, bytes] = field(default_factory=dict)
    """What to send in place of a file, by its path."""
    sizes: dict[str, int] = field(default_factory=dict)
    """What to state as the size of a file, by its path."""

    def put(self, name: str, files: dict[str, bytes], branch: str = "main") -> str:
        """A new commit on a branch; its name."""
        repository = self.repositories.setdefault(name, Repository())
        text = repr((name, branch, len(repository.commits), sorted(files)))
        commit = hashlib.sha1(text.encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.branches[branch] = commit
        return commit

    def seen(self, server: str, method: str = "GET") -> list[Request]:
        return [r for r in self.requests if (r.server, r.method) == (server, method)]

    def environment(self, cache: object, **more: str) -> dict[str, str]:
        """For a process whose hub this is."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(cache), "NO_PROXY": "127.0.0.1", **more}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve it on two ports until the end."""
    with _server(hub, _HubHandler) as hub.url, _server(hub, _CdnHandler) as hub.cdn:
        yield hub


@contextmanager
def _server(hub: Hub, kind: type[_Handler]) -> Iterator[str]:
    handler = type(kind.__name__, (kind,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    name = ""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        sent = self.headers.get("Authorization"), self.headers.get("Range")
        self.hub.requests.append(Request(self.name, self.command, path, *sent))
        self.serve(path)

    def serve(self, path: str) -> None:
        raise NotImplementedError

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, b'{"error": "no"}', X_Error_Code=code, X_Error_Message="no")

    def log_message(self, *args: object) -> None:
        pass


class _HubHandler(_Handler):
    name = "hub"

    def serve(self, path: str) -> None:
        for name, repository in self.hub.repositories.items():
            if path == f"/api/models/{name}" or path.startswith(f"/api/models/{name}/revision/"):
                revision = path.partition("/revision/")[2] or "main"
                return self._describe(name, repository, revision)
            if path.startswith(f"/{name}/resolve/"):
                revision, _, file = path.removeprefix(f"/{name}/resolve/").partition("/")
                return self._resolve(name, repository, revision, file)
        return self.refuse(401, "RepoNotFound")

    def _may_read(self, repository: Repository) -> bool:
        sent = self.headers.get("Authorization")
        return repository.token is None or sent == f"Bearer {repository.token}"

    def _describe(self, name: str, repository: Repository, revision: str) -> None:
        commit = repository.commit(revision)
        if not self._may_read(repository) and not repository.gated:
            return self.refuse(401, "RepoNotFound")
        if commit is None:
            return self.refuse(404, "RevisionNotFound")
        siblings = [self._sibling(*file) for file in repository.commits[commit].items()]
        document = {"id": name, "sha": commit, "siblings": siblings, "tags": [], "private": False}
        return self.answer(200, json.dumps(document).encode())

    def _sibling(self, path: str, content: bytes) -> dict[str, object]:
        size = self.hub.sizes.get(path, len(content))
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        described = {"rfilename": path, "size": size, "blobId": git}
        if not path.endswith(LFS):
            return described
        sha256 = hashlib.sha256(content).hexdigest()
        return {**described, "lfs": {"size": size, "sha256": sha256, "pointerSize": 134}}

    def _resolve(self, name: str, repository: Repository, revision: str, file: str) -> None:
        commit = repository.commit(revision)
        if not self._may_read(repository):
            return self.refuse(403 if repository.gated else 401, _code(repository))
        if commit is None:
            return self.refuse(404, "RevisionNotFound")
        content = repository.commits[commit].get(file)
        if content is None:
            return self.refuse(404, "EntryNotFound")
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        if file.endswith(LFS):
            return self.answer(
                302,
                Location=f"{self.hub.cdn}/{name}/{commit}/{file}?X-Signature=secret",
                X_Repo_Commit=commit,
                X_Linked_Size=str(len(content)),
                X_Linked_ETag=etag,
            )
        content = self.hub.lies.get(file, content)
        self.hub.sent[file] += len(content) if self.command == "GET" else 0
        return self.answer(200, content, ETag=etag, X_Repo_Commit=commit)


class _CdnHandler(_Handler):
    name = "cdn"

    def serve(self, path: str) -> None:
        for name, repository in self.hub.repositories.items():
            commit, _, file = path.removeprefix(f"/{name}/").partition("/")
            if path.startswith(f"/{name}/") and file in repository.commits.get(commit, {}):
                content = self.hub.lies.get(file, repository.commits[commit][file])
                return self._send(file, content)
        return self.refuse(404, "EntryNotFound")

    def _send(self, file: str, content: bytes) -> None:
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        sent = 0
        for at in range(start, len(content), CHUNK):
            if self.hub.cut_after is not None and sent >= self.hub.cut_after:
                self.close_connection = True
                return
            while self.hub.hold_after is not None and sent >= self.hub.hold_after:
                time.sleep(0.01)
            piece = content[at : at + CHUNK]
            try:
                self.wfile.write(piece)
            except OSError:  # the other side has left
                self.close_connection = True
                return
            sent += len(piece)
            self.hub.sent[file] += len(piece)


def _code(repository: Repository) -> str:
    return "GatedRepo" if repository.gated else "RepoNotFound"
