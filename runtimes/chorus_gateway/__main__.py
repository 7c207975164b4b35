"""`python -m chorus_gateway`: serve until told to stop."""

import logging
import os
import socket
import sys
from tempfile import TemporaryDirectory

from chorus_gateway.server import DrainingServer, PortError, bind
from chorus_gateway.settings import Settings, SettingsError, load
from chorus_http.access.keys import KeysError
from chorus_http.logs import setup as logs
from chorus_http.traces.tracing import TracingError, require

logger = logging.getLogger("chorus_gateway")


def main() -> None:
    """Run the gateway. Exits with 1 and one line on stderr when it cannot start."""
    try:
        settings = load()
        logs.set_up(settings.log_format, settings.log_level)
        keys = settings.keys
        require()
        listener = bind(settings.host, settings.port)
    except (SettingsError, KeysError) as error:
        sys.exit(f"chorus: wrong settings: {error}")
    except (PortError, TracingError) as error:
        sys.exit(f"chorus: {error}")
    logger.info(
        "gateway on http://%s:%d, models at %s, workers: %d, keys: %s",
        settings.host,
        settings.port,
        ", ".join(settings.upstream_urls),
        settings.workers,
        "asked for" if keys.enabled else "none",
    )
    serve = _serve if settings.workers == 1 else _serve_with_workers
    sys.exit(serve(settings, listener))


def _serve(settings: Settings, listener: socket.socket) -> int:
    from chorus_gateway import traces
    from chorus_gateway.app import create_app

    DrainingServer(create_app(settings, tracing=traces.set_up()), settings).run([listener])
    return 0


def _serve_with_workers(settings: Settings, listener: socket.socket) -> int:
    try:
        folder = TemporaryDirectory(prefix="chorus-gateway-")
    except OSError as error:
        sys.exit(
            f"chorus: workers count in files: {error.strerror}; set TMPDIR or CHORUS_WORKERS=1"
        )
    with folder as name:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = name  # read once, when its client is imported
        from chorus_gateway import workers

        return workers.run(settings, listener)


if __name__ == "__main__":
    main()
