"""MLServer, started so that failures are seen: `python -m mlserver_chorus.server models`.

A model that cannot be loaded ends the start with one line and exit code 1 (stock MLServer exits 0,
or runs on without it), and a signal stops the server once, after the work in flight.
"""

from __future__ import annotations

import gc
import logging
import sys
from pathlib import Path
from typing import Any

import click
import uvloop
from mlserver.rest import app as rest_app

from chorus_http.logs import setup as logs

from .engine.errors import EngineError
from .guard.stream_route import StreamEndpoints
from .launcher.leaving import leave
from .launcher.life_cycle import ChorusServer
from .launcher.ports import listen
from .launcher.reading import (
    first_line,
    read_keys,
    read_models,
    read_runtime_settings,
    read_settings,
)

logger = logging.getLogger("mlserver.chorus")

# The last is what an image sets for its own models, so that a platform's come before it.
FOLDER_VARIABLES = ("MLSERVER_MODELS_DIR", "MLSERVER_MODEL_REPOSITORY_ROOT", "CHORUS_MODELS_DIR")


async def _main(root: Path, names: list[str] | None, overrides: dict[str, Any]) -> None:
    try:
        ours = read_runtime_settings()
        logs.set_up(ours.log_format, ours.log_level)
        keys = read_keys(ours)
        settings = read_settings(root, **overrides)
        wanted = names or settings.load_models_at_startup
        models = read_models(root, names) if wanted else []
        listeners = listen(settings)
        sys.path.insert(0, str(root))
        gc.freeze()  # what is imported stays: the collection after every load need not look at it
        await ChorusServer(settings, ours, listeners, keys).run(models)
        leave(0)
    except Exception as error:
        if not isinstance(error, EngineError | OSError):
            logger.exception("the server ended in an unexpected way")
        # Left from inside the loop: to end it first would print a traceback per server.
        leave(1, first_line(error))


@click.command()
@click.argument(
    "root", metavar="[MODELS]", envvar=FOLDER_VARIABLES, type=click.Path(file_okay=False)
)
@click.option("--host", help="Address to listen on.  [MLSERVER_HOST]")
@click.option("--http-port", type=int, help="V2 REST.  [MLSERVER_HTTP_PORT]")
@click.option("--grpc-port", type=int, help="V2 gRPC.  [MLSERVER_GRPC_PORT]")
@click.option("--metrics-port", type=int, help="Prometheus metrics.  [MLSERVER_METRICS_PORT]")
@click.option(
    "--models",
    help="Names to load, comma-separated.  [all in MODELS; none if "
    "MLSERVER_LOAD_MODELS_AT_STARTUP is false]",
)
def main(root: str, models: str | None, **overrides: Any) -> None:
    """Serve the model settings below the folder MODELS over V2.

    An option counts before its variable in brackets, that before settings.json in MODELS.
    MODELS itself may be MLSERVER_MODELS_DIR, MLSERVER_MODEL_REPOSITORY_ROOT or CHORUS_MODELS_DIR.
    Where it holds no model, MLSERVER_MODEL_NAME, _IMPLEMENTATION and _URI may describe one.

    Example: python -m mlserver_chorus.server models --models cardiffnlp --http-port 8080
    """
    names = [name.strip() for name in models.split(",")] if models else None
    # Where MLServer builds its own from.
    setattr(rest_app, "Endpoints", StreamEndpoints)  # noqa: B010
    uvloop.run(_main(Path(root).absolute(), names, overrides))


if __name__ == "__main__":
    main()
