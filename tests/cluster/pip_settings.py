"""How pip reaches packages here, handed to a build: as secrets, and as folders that it may read."""

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
    settings = _settings()
    secret = folder / "pip.conf"
    secret.touch(0o600)
    certificates = settings.pop("cert", None) or ssl.get_default_verify_paths().cafile
    options = [f"--secret=id=pip,src={secret}", *_volumes(settings)]
    if certificates and Path(certificates).is_file():
        settings["cert"] = CA
        options.append(f"--secret=id=ca,src={certificates}")
    lines = [f"{name} = {value}" for name, value in settings.items()]
    secret.write_text("\n".join(["[global]", *lines, ""]))
    try:
        yield options
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
