"""One request before the load: whether the server answers, and how a good answer looks."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from chorus.errors import Failed
from chorus.load.connection import Call, Check, Text, post
from chorus.measurement.form import check_like, is_json
from chorus.measurement.refusal import explain, printable
from chorus.measurement.server import Server

PROBE_SECONDS: Final = 60.0  # a model may be slow the first time
ENSEMBLE: Final = "process"
ANY_INPUT: Final = "args"  # of a V2 server whose metadata name none: what its HF runtime reads


@dataclass(frozen=True)
class Door:
    """Where texts are sent, and how one is written."""

    path: str
    body: Callable[[str], bytes]


@dataclass(frozen=True)
class Subject:
    """A server that has answered, and what its answers are to look like."""

    server: Server
    door: Door
    weights: str | None
    """standin, hub or folder; None where the server does not say."""
    check: Check

    def call(self, text: str) -> Text:
        """A text as the load generator sends it."""
        headers = self.server.headers
        request = post(self.path, self.door.body(text), self.server.address, headers)
        return (Call(request, self.check),)

    @property
    def path(self) -> str:
        """The path of every request."""
        return self.server.prefix + self.door.path

    @property
    def url(self) -> str:
        """Where every request goes."""
        return self.server.url + self.door.path


def probe(server: Server, text: str, *, model: str | None, v2: bool) -> Subject:
    """Ask once. Raises Failed where that gets no answer."""
    with httpx.Client(
        base_url=server.url,
        headers=server.headers,
        timeout=PROBE_SECONDS,
        trust_env=False,  # the load goes past every proxy too
        verify=server.address.tls or False,
    ) as client:
        weights = None
        if v2:
            metadata = _metadata(client, server, model or ENSEMBLE)
            weights = (metadata.get("parameters") or {}).get("weights")
            door = _v2(model or ENSEMBLE, _text_input(metadata.get("inputs") or ()))
        else:
            door = _model(model) if model else _process()
        answer = _asked(client, server, "POST", door.path, model, door.body(text))
    weights = answer.headers.get("x-chorus-weights") or weights
    shown = printable(weights) if isinstance(weights, str) else None
    if not is_json(answer.content) and not model:
        raise Failed(
            f"what answers at {server.url}{door.path} is no JSON: give the URL of a gateway, "
            "or --v2 for a V2 server"
        )
    return Subject(server, door, shown, check_like(answer.content))


def _process() -> Door:
    return Door("/process", _json)


def _model(name: str) -> Door:
    return Door(f"/models/{quote(name, safe='')}", lambda text: _json({"inputs": text}))


def _v2(name: str, tensor: str) -> Door:
    def body(text: str) -> bytes:
        bytes_ = {"name": tensor, "shape": [1], "datatype": "BYTES", "data": [text]}
        return _json({"inputs": [bytes_]})

    return Door(f"/v2/models/{quote(name, safe='')}/infer", body)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _metadata(client: httpx.Client, server: Server, model: str) -> Mapping[str, Any]:
    path = f"/v2/models/{quote(model, safe='')}"
    answer = _asked(client, server, "GET", path, model)
    try:
        metadata = answer.json()
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise Failed(f"what answers at {server.url}{path} is no V2 server; check the URL")
    return metadata


def _text_input(inputs: Sequence[Mapping[str, Any]]) -> str:
    """The input that takes texts."""
    if not inputs:
        return ANY_INPUT
    for one in inputs:
        if one.get("datatype") == "BYTES":
            return str(one.get("name"))
    raise Failed("the model takes no texts, and bench sends nothing else; choose another --model")


def _asked(
    client: httpx.Client,
    server: Server,
    method: str,
    path: str,
    model: str | None,
    body: bytes | None = None,
) -> httpx.Response:
    headers = {"Content-Type": "application/json"} if body else None
    try:
        answer = client.request(method, path, content=body, headers=headers)
    except httpx.TimeoutException:
        raise Failed(f"{server.url} has not answered within {PROBE_SECONDS:g} s") from None
    except httpx.TransportError as error:
        raise Failed(_unreachable(server, error)) from None
    if answer.status_code != httpx.codes.OK:
        raise Failed(explain(server, path, model, answer))
    return answer


def _unreachable(server: Server, error: httpx.TransportError) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return (
            f"no TLS with {server.url} ({cause.reason}): write http:// where there is none, "
            "or name your own authority in SSL_CERT_FILE"
        )
    return (
        f"no server answers at {server.url}; `chorus serve` starts one, "
        "`chorus bench URL` asks another"
    )
