"""A request as a person would write it: for a shell with curl, and in Python with httpx."""

import json
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from chorus_ui.request import JSON, Attachment, Request

FILES: Final = {"image/": "photo.png", "audio/": "recording.wav", JSON: "request.json"}
"""What the file is called that is sent as it is, by how its type begins."""
LONGEST: Final = 16 << 10
"""Bytes of JSON that are shown; what is longer is read from a file, too."""
WIDTH: Final = 80
INDENT: Final = "    "

# A here-document expands these two; JSON may write any character by its number.
EXPANDED: Final = str.maketrans({"$": "\\u0024", "`": "\\u0060"})


def curl(request: Request, url: str, keyed: bool = False) -> str:
    """Write it as a command; if `keyed`, the command shows the key in the variable KEY."""
    request = _short(request)
    data, document = _curl_data(request)
    parts = [
        f"curl -s{'N' if request.streams else ''} {shlex.quote(url + request.path)}",
        *(['-H "Authorization: Bearer $KEY"'] if keyed else []),
        f"-H {shlex.quote(f'Content-Type: {request.content_type}')}",
        *([f"--output {request.saves}"] if request.saves else []),
        data,
    ]
    return " \\\n  ".join(parts) + document


def python(request: Request, url: str, keyed: bool = False) -> str:
    """Write it as a program; if `keyed`, the program shows the key in the variable KEY."""
    request = _short(request)
    called = ",\n".join([_literal(url + request.path), *_arguments(request, keyed), "timeout=120"])
    standard = [
        *(["import base64"] if any(_attachments(request.json)) else []),
        *(["import os"] if keyed else []),
    ]
    imports = "\n".join([*standard, *([""] if standard else []), "import httpx"])
    if request.streams:
        called = textwrap.indent(f'"POST",\n{called},', INDENT)
        ask = f"with httpx.stream(\n{called}\n) as answer:\n    for line in answer.iter_lines():\n"
        return f"{imports}\n\n{ask}        print(line)\n"
    called = textwrap.indent(f"{called},", INDENT)
    use = (
        f'with open("{request.saves}", "wb") as file:\n    file.write(answer.content)'
        if request.saves
        else "print(answer.json())"
    )
    return f"{imports}\n\nanswer = httpx.post(\n{called}\n)\n{use}\n"


def _short(request: Request) -> Request:
    if request.body is None and not any(_attachments(request.json)):
        body = request.content
        return replace(request, body=body) if len(body) > LONGEST else request
    return request


def _curl_data(request: Request) -> tuple[str, str]:
    """Return the argument with what is sent, and the document below the command if it needs one."""
    if request.body is not None:
        return f"--data-binary @{_file(request.content_type)}", ""
    if not any(_attachments(request.json)):
        return f"--data-binary {shlex.quote(_dumped(request.json))}", ""
    text = _dumped(request.json).replace("\\\\", "\\u005c").translate(EXPANDED)
    for name in dict.fromkeys(one.name for one in _attachments(request.json)):
        text = text.replace(_dumped(_placeholder(name))[1:-1], f"$(base64 < {name} | tr -d '\\n')")
    return "--data-binary @- <<END", f"\n{text}\nEND"


def _arguments(request: Request, keyed: bool) -> Iterator[str]:
    key = '"Authorization": f"Bearer {os.environ[\'KEY\']}"'
    if request.body is None:
        if keyed:
            yield f"headers={{{key}}}"
        yield f"json={_literal(request.json)}"
        return
    kind = f'"Content-Type": {_literal(request.content_type)}'
    yield f"headers={{{', '.join([kind, *([key] if keyed else [])])}}}"
    yield f'content=open("{_file(request.content_type)}", "rb").read()'


def _literal(value: Any) -> str:
    """Write a JSON value as Python: in one line, or a line for each part if that is too long."""
    if isinstance(value, Attachment):
        return f'base64.b64encode(open("{value.name}", "rb").read()).decode()'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        fields = [f"{_literal(name)}: {_literal(one)}" for name, one in value.items()]
        return _enclosed("{", "}", fields)
    if isinstance(value, list | tuple):
        return _enclosed("[", "]", [_literal(one) for one in value])
    return repr(value)


def _enclosed(opening: str, closing: str, parts: list[str]) -> str:
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    inside = textwrap.indent(",\n".join(parts), INDENT)
    return f"{opening}\n{inside},\n{closing}"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda one: _placeholder(one.name))


def _placeholder(name: str) -> str:
    return f"\x00{name}\x00"


def _attachments(value: Any) -> Iterator[Attachment]:
    if isinstance(value, Attachment):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _attachments(one)


def _file(content_type: str) -> str:
    known = (name for kind, name in FILES.items() if content_type.startswith(kind))
    return next(known, "file")
