"""The routes of the V2 protocol over HTTP by their templates, which name no model."""

from __future__ import annotations

import re
from typing import Final

_MODEL: Final = "/v2/models/{model_name}"
_VERSION: Final = f"{_MODEL}/versions/{{model_version}}"
_VERBS: Final = ("", "/ready", "/infer", "/generate", "/infer_stream", "/generate_stream")
_LOADING: Final = "/v2/repository/models/{model_name}"

TEMPLATES: Final = (
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    *(of + verb for of in (_MODEL, _VERSION) for verb in _VERBS),
    "/v2/repository/index",
    f"{_LOADING}/load",
    f"{_LOADING}/unload",
)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", template))


_PATTERNS: Final = tuple((template, _pattern(template)) for template in TEMPLATES)


def template_of(path: str) -> str | None:
    """The template that a path is of, None where it is no route of the protocol."""
    return next((name for name, pattern in _PATTERNS if pattern.fullmatch(path)), None)


def is_probe(path: str) -> bool:
    """Whether a path asks how the server or a model is, as probes do every few seconds."""
    return (template_of(path) or "").endswith(("/live", "/ready"))
