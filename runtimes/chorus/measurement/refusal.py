"""What to do about a status that is not 200, in one line."""

from __future__ import annotations

import json
from typing import Final

import httpx

from chorus.measurement.server import Server

MOST_CHARACTERS: Final = 160


def explain(server: Server, path: str, model: str | None, answer: httpx.Response) -> str:
    """Why the first request was refused, and what to do."""
    status = answer.status_code
    said = said_in(answer.content)
    if status in (401, 403):
        return _about_keys(server, status)
    if status == 404 and model:
        return (
            f"{server.url} has no model named {model} ({said or 404}); `chorus models` shows yours"
        )
    if status == 404:
        return f"{server.url} has no {path}: for a model use --model NAME, for a V2 server --v2 too"
    if status in (429, 503):
        return f"{server.url} is not ready, or too busy ({said or status}); try again in a moment"
    if status in (400, 422) and model:
        return f"{model} takes no text alone, and bench sends nothing else ({said or status})"
    return f"{server.url}{path} answers {status}{f': {said}' if said else ''}; is it the right URL?"


def said_in(body: bytes) -> str:
    """The words of an error's body on one line, empty for a page."""
    text = body.decode(errors="replace").strip()
    return "" if text.startswith("<") else printable(_error(text) or text)


def printable(text: str) -> str:
    """A server's words on one line of a terminal, which they are to tell nothing."""
    line = " ".join(text.split())
    return _cut("".join(filter(str.isprintable, line)))


def _error(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    said = document.get("error") if isinstance(document, dict) else None
    return said if isinstance(said, str) else ""


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _about_keys(server: Server, status: int) -> str:
    if server.key:
        return f"{server.url} does not take the key in {server.key_variable} ({status})"
    return f"{server.url} asks for a key; set {server.key_variable} to one"
