"""How pip reaches packages here, handed to a build or a container, with the folders it reads."""

from __future__ import annotations

import ssl
import subprocess
import sys
from ast import literal_eval
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

WHERE = ("index-url", "extra-index-url", "find-links", "trusted-host", "default-timeout", "proxy")
CA = "/run/secrets/ca"


@contextmanager
def for_a_build(folder: Path) -> Iterator[list[str]]:
    """Options for buildah, good while this is open."""
    with _written(folder) as (secret, certificates, volumes):
        options = [f"--secret=id=pip,src={secret}", *volumes]
        yield [*options, f"--secret=id=ca,src={certificates}"] if certificates else options


@contextmanager
def for_a_container(folder: Path) -> Iterator[list[str]]:
    """Options for podman, good while this is open."""
    with _written(folder) as (secret, certificates, volumes):
        options = [f"--volume={secret}:/etc/pip.conf:ro", *volumes]
        yield [*options, f"--volume={certificates}:{CA}:ro"] if certificates else options


@contextmanager
def _written(folder: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A pip.conf, the certificates that it names by `CA`, and the folders that it needs."""
    settings = _settings()
    secret = folder / "pip.conf"
    secret.touch(0o600)
    certificates = settings.pop("cert", None) or ssl.get_default_verify_paths().cafile or ""
    volumes = _volumes(settings)
    if Path(certificates).is_file():
        settings["cert"] = CA
    else:
        certificates = ""
    lines = [f"{name} = {value}" for name, value in settings.items()]
    secret.write_text("\n".join(["[global]", *lines, ""]))
    try:
        yield secret, certificates, volumes
    finally:
        secret.unlink()


def _settings() -> dict[str, str]:
    """What pip is told by its files and by the environment, which goes before them."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, str] = {}
    for line in sorted(told.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in (*WHERE, "cert"):
            found[option] = str(literal_eval(value))
    return found


def _volumes(settings: Mapping[str, str]) -> list[str]:
    """Folders of this machine that packages come from: the parent of an index has its files."""
    places = [place for name in WHERE for place in settings.get(name, "").split()]
    indexes = [Path(urlsplit(place).path).parent for place in places if place.startswith("file:")]
    links = [Path(place) for place in places if place.startswith("/")]
    return [f"--volume={folder}:{folder}:ro" for folder in (*indexes, *links) if folder.is_dir()]
