"""Settings of the page: CHORUS_UI_* in the environment, above these defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

PREFIX: Final = "CHORUS_UI_"
FORMATS: Final = ("text", "json")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """A setting is wrong; the text is one line that names it."""


@dataclass(frozen=True)
class Settings:
    """Where the page listens, whom it asks, and how it logs."""

    host: str = "127.0.0.1"  # loopback: listening to the world is a decision, not a default
    port: int = 7860
    gateway: str = "http://127.0.0.1:8000"
    public_gateway: str = "http://127.0.0.1:8000"
    """The gateway's address in the requests to copy."""
    log_format: str = "text"
    log_level: str = "INFO"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read them. Raises SettingsError."""
        given = {
            name: environment.get(PREFIX + name.upper(), "").strip()
            for name in ("host", "port", "gateway", "public_gateway")
        }
        gateway = _url("gateway", given["gateway"] or cls.gateway)
        return cls(
            host=given["host"] or cls.host,
            port=_port(given["port"] or str(cls.port)),
            gateway=gateway,
            public_gateway=_url("public_gateway", given["public_gateway"] or gateway),
            log_format=_choice("CHORUS_LOG_FORMAT", environment, FORMATS, cls.log_format),
            log_level=_choice("CHORUS_LOG_LEVEL", environment, LEVELS, cls.log_level),
        )


def _port(given: str) -> int:
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= 65535:
        raise SettingsError(f"{PREFIX}PORT must be a number from 1 to 65535")
    return int(given)


def _url(name: str, given: str) -> str:
    try:
        parts = urlsplit(given)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"{PREFIX}{name.upper()} must be a URL such as http://127.0.0.1:8000")
    return given.rstrip("/")


def _choice(
    name: str, environment: Mapping[str, str], allowed: tuple[str, ...], default: str
) -> str:
    given = environment.get(name, "") or default
    for one in allowed:
        if one.lower() == given.lower():
            return one
    raise SettingsError(f"{name} must be one of {', '.join(allowed)}")
