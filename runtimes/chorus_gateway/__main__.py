"""`python -m chorus_gateway`: serve until told to stop."""

import logging
import sys

from chorus_gateway.app import create_app
from chorus_gateway.server import DrainingServer, PortError, bind
from chorus_gateway.settings import SettingsError, load

logger = logging.getLogger("chorus_gateway")


def main() -> None:
    """Run the gateway. Exits with 1 and one line on stderr when it cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = load()
        listener = bind(settings.host, settings.port)
    except SettingsError as error:
        sys.exit(f"chorus: wrong settings: {error}")
    except PortError as error:
        sys.exit(f"chorus: {error}")
    logger.info(
        "gateway on http://%s:%d, models at %s", settings.host, settings.port, settings.upstream_url
    )
    DrainingServer(create_app(settings), settings).run([listener])


if __name__ == "__main__":
    main()
