"""Settings of the gateway: CHORUS_* in the environment, above a JSON file, above these defaults."""

import json
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from chorus_gateway.discovery.servers import DEFAULT_DOMAIN
from chorus_gateway.media.limits import MOST_PIXELS, MediaLimits
from chorus_gateway.outbound.allowed import parse_entry
from chorus_gateway.outbound.networks import parse_networks
from chorus_gateway.upstream.deployed_url import parse_named
from chorus_http.access.keys import KeyRing
from chorus_http.access.rates import checked_rate
from chorus_http.logs.setup import Format, Level, as_level

FILE_VARIABLE: Final = "CHORUS_GATEWAY_SETTINGS"
DEFAULT_FILE: Final = Path("settings/gateway.json")

Bound = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65535)]
RateText = Annotated[str, AfterValidator(checked_rate)]
Names = Annotated[tuple[str, ...], NoDecode]  # separated by commas

# A worker takes about 0.2 ms of CPU per text: one is enough for 4,000 texts/s, four for 16,000.
# Few cores answer far less than that and the models need them; each worker more splits calls.
CORES_PER_WORKER: Final = 8
MOST_WORKERS: Final = 4


def workers_for(cores: int) -> int:
    """How many workers `auto` means on a machine with so many cores."""
    return min(max(cores // CORES_PER_WORKER, 1), MOST_WORKERS)


def _auto_workers() -> int:
    """Count the cores this process may use; only Linux spreads connections over workers."""
    return workers_for(len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1


class SettingsError(Exception):
    """A setting is wrong; the text is one line for who set it."""


class Settings(BaseSettings):
    """Everything that can be set. Raises pydantic's ValidationError; unknown keys are errors."""

    model_config = SettingsConfigDict(env_prefix="CHORUS_", extra="forbid", frozen=True)

    host: str = "127.0.0.1"  # loopback: listening to the world is a decision, not a default
    port: Port = 8000  # where clients of /process have always found it
    upstream: str | None = None  # URLs, comma-separated; None: this machine, at v2_port
    v2_port: Port = 8080  # MLServer's own default
    models: Annotated[Names, Field(min_length=1)] = (
        "cardiffnlp",
        "ivanlau",
        "svalabs",
        "EIStakovskii",
        "jy46604790",
        "process",
    )  # the folders of models/: ready means all of them

    workers: Bound = Field(default_factory=_auto_workers)  # or "auto", which is the same

    max_body_bytes: Bound = 1 << 20  # 512 tokens, all that a model reads, are about 3 KB
    max_texts_per_call: Bound = 64  # the 50 clients of a load peak fit into one call
    max_bytes_per_call: Bound = 4 << 20  # half of what the model server takes
    # Per worker, which coalesces and counts for itself: the gateway's are the sums.
    max_calls_in_flight: Bound = 2  # per model server: one on its device, one getting ready
    max_waiting_texts: Bound = 256  # a crowd of clients at once, whatever it takes
    max_waiting_seconds: Seconds = 1.0  # beyond them, what the model server answers in this time
    max_waiting_bytes: Bound = 64 << 20  # in any case
    rate_limit: RateText | None = None  # of one caller, as 100/second, 1000/minute or 5000/hour
    max_concurrency: Bound | None = None  # of one caller: requests at a time

    api_keys: SecretStr = SecretStr("")  # comma-separated; with any key, nobody calls without one
    admin_keys: SecretStr = SecretStr("")  # the same, for everything
    api_keys_file: Path | None = None  # digests of keys, a line each; read again when it changes
    upstream_key: SecretStr = SecretStr("")  # what the gateway shows to its own model servers

    # Everything but /process: tasks of all kinds, on the servers above or on others.
    allowed_servers: Names = ()  # further V2 servers, as outbound/allowed.py reads them
    allowed_networks: Names = ()  # where servers of callers' choice may be beside the internet
    servers: Annotated[dict[str, str], NoDecode] = {}  # name=URL of a model that runs elsewhere
    max_media_body_bytes: Bound = 32 << 20  # an image of 16 MiB is 22 MiB in base64
    max_answer_bytes: Bound = 128 << 20  # masks and features are larger than what they describe
    max_requests_in_flight: Bound = 256  # per worker; each may hold a body and an answer
    predict_timeout: Seconds = 120.0  # object detection on a CPU takes 15 to 30 s
    discovery: Literal["auto", "off"] = "auto"  # follow labelled Services, in a cluster
    discovery_namespaces: Names = ()  # of theirs too, beside our own
    cluster_domain: str = DEFAULT_DOMAIN
    media_hosts: Names = ()  # whom images and audio are fetched from, as allowed_servers
    max_media_bytes: Bound = 16 << 20
    max_media_pixels: Annotated[int, Field(gt=0, le=MOST_PIXELS)] = 1 << 25
    max_decoded_bytes: Bound = 5 << 28  # per worker; of all images that are decoded and sent on
    media_timeout: Seconds = 10.0  # for one image or recording, to the last byte

    max_timeout: Seconds = 120.0  # of x-request-timeout; a longer time is cut to it
    connect_timeout: Seconds = 2.0  # a neighbour that needs longer is down
    upstream_timeout: Seconds = 45.0  # above the 30 s a text may wait in the model server's queue
    probe_timeout: Seconds = 2.0  # readiness is asked for every few seconds
    breaker_failures: Bound = 5  # so many calls in a row without an answer, and a server is let be
    breaker_pause: Seconds = 5.0  # then one call each time tries a server that we do not probe
    drain_delay: Annotated[float, Field(ge=0)] = 5.0  # load balancers learn late that we leave
    drain_timeout: Seconds = 50.0  # above upstream_timeout: whoever is in flight gets an answer

    log_format: Format = "text"  # or json, an object per line
    log_level: Annotated[Level, BeforeValidator(as_level)] = "INFO"  # of our own loggers
    access_log: bool = False  # a line for every request; it costs each of them

    @field_validator(
        *("models", "allowed_servers", "allowed_networks", "discovery_namespaces", "media_hosts"),
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return _split(value)
        return value

    @field_validator("servers", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        if isinstance(value, str):
            return _pairs(value)
        return value

    @field_validator("allowed_servers", "media_hosts")
    @classmethod
    def _check_entries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_entry(entry)
        return value

    @field_validator("allowed_networks")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(value)
        return value

    @field_validator("servers")
    @classmethod
    def _check_named(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            parse_named(name, url)
        return value

    @field_validator("workers", mode="before")
    @classmethod
    def _count_workers(cls, value: object) -> object:
        return _auto_workers() if value == "auto" else value

    @field_validator("upstream")
    @classmethod
    def _check_urls(cls, value: str | None) -> str | None:
        for url in _split(value or ""):
            TypeAdapter(HttpUrl).validate_python(url)
        return value

    @property
    def upstream_urls(self) -> tuple[str, ...]:
        """Where the V2 servers are, without a slash at the end."""
        urls = _split(self.upstream or "") or [f"http://127.0.0.1:{self.v2_port}"]
        return tuple(url.rstrip("/") for url in urls)

    @cached_property
    def keys(self) -> KeyRing:
        """Who may call. Raises KeysError."""
        return KeyRing.read(
            self.api_keys.get_secret_value(),
            self.admin_keys.get_secret_value(),
            self.api_keys_file,
            rate=self.rate_limit,
            concurrency=self.max_concurrency,
        )

    @property
    def upstream_headers(self) -> dict[str, str]:
        """What our own model servers are shown with every request, and no others."""
        key = self.upstream_key.get_secret_value()
        return {"authorization": f"Bearer {key}"} if key else {}

    @property
    def media_limits(self) -> MediaLimits:
        """What an image or a recording may cost."""
        return MediaLimits(
            max_bytes=self.max_media_bytes,
            max_pixels=self.max_media_pixels,
            max_request_bytes=self.max_media_body_bytes,
            max_decoded_bytes=self.max_decoded_bytes,
            fetch_timeout=self.media_timeout,
            hosts=self.media_hosts,
            networks=self.allowed_networks,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the JSON file."""
        return init_settings, env_settings, JsonConfigSettingsSource(settings_cls, _file())


def _split(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(",")) if part]


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in _split(text)]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("write name=URL, with commas between them")
    return {name.strip(): url.strip() for name, _, url in pairs}


def _file() -> Path:
    """Find the JSON file: the default may be absent, one that was named may not."""
    named = os.environ.get(FILE_VARIABLE)
    if named is None:
        return DEFAULT_FILE
    if not Path(named).is_file():
        raise SettingsError(f"{FILE_VARIABLE} names {named}, which is not a file")
    return Path(named)


def load() -> Settings:
    """Read the settings of this process. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong]
        raise SettingsError("; ".join(lines)) from None
    except json.JSONDecodeError as error:
        raise SettingsError(f"{_file()} is not JSON: {error}") from None
