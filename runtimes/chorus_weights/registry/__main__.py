"""`python -m chorus_weights.registry URI CACHE SECONDS`: a version into the cache, told as JSON.

A process of its own: MLflow's client, its memory and its threads do not stay in the server, and
however it hangs, it ends in time.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from chorus_weights.errors import RegistryUnreachable, WeightsError

from . import client
from .cache import Cache
from .fetch import fetch
from .resolve import resolve
from .uri import parse


def _answer(text: str, root: Path) -> dict[str, Any]:
    cache = Cache(root, client.server())
    try:
        uri = parse(text)
        assert uri is not None  # noqa: S101 - who calls has parsed it
        version = resolve(client.client(), uri)
        came = fetch(version, cache)
    except WeightsError as error:
        away = isinstance(error, RegistryUnreachable)
        return {"error": str(error), "unreachable": away}
    except Exception as error:  # whatever else the library raises; its text may hold a key
        return {"error": f"{text} cannot be had ({type(error).__name__})", "unreachable": False}
    cache.remember(text, version)
    return {"version": version.document(), "bytes": came}


if __name__ == "__main__":
    _, uri_text, folder, seconds = sys.argv
    signal.alarm(int(seconds))  # not caught: it ends the process
    # What is asked for is small, or comes piece by piece: no server works long on an answer.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    answer = _answer(uri_text, Path(folder))
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
