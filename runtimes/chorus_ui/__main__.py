"""`python -m chorus_ui`: serve the page until told to stop."""

import argparse
import importlib.util
import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

from chorus_ui import logs
from chorus_ui.server import PortError, Server, bind
from chorus_ui.settings import Settings, SettingsError

logger = logging.getLogger("chorus_ui")

HELP: Final = """\
A web page with every model that a gateway serves, to try. It is told what to do by variables:

  CHORUS_UI_HOST            where it listens (127.0.0.1)
  CHORUS_UI_PORT            and on which port (7860)
  CHORUS_UI_GATEWAY         the gateway that it asks (http://127.0.0.1:8000)
  CHORUS_UI_PUBLIC_GATEWAY  the gateway's address in the requests to copy (the same)

example:
  CHORUS_UI_GATEWAY=https://chorus.example.com python -m chorus_ui
"""
NOT_INSTALLED: Final = (
    "chorus: the page needs gradio, which is not installed; "
    "pip install --no-deps -r requirements-ui.txt adds it"
)


def main() -> None:
    """Run the page. Exits with 2 and one line on stderr when it cannot start."""
    argparse.ArgumentParser(
        prog="python -m chorus_ui",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    if importlib.util.find_spec("gradio") is None:
        _end(NOT_INSTALLED)
    try:
        settings = Settings.read()
        listener = bind(settings.host, settings.port)
    except SettingsError as error:
        _end(f"chorus: wrong settings: {error}")
    except PortError as error:
        _end(f"chorus: {error}")
    logs.set_up(settings.log_format, settings.log_level)
    with TemporaryDirectory(prefix="chorus-ui-") as uploads:
        prepare(uploads)
        from chorus_ui.app import create_app  # gradio is slow to import

        app = create_app(settings, Path(uploads))
        logger.info(
            "page on http://%s:%d, gateway at %s", settings.host, settings.port, settings.gateway
        )
        Server(app).run([listener])


def prepare(uploads: str) -> None:
    """Set what gradio reads when it is imported; nothing of it is left to the environment."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    os.environ |= {
        "GRADIO_TEMP_DIR": uploads,
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
    }


def _end(line: str) -> NoReturn:
    print(line, file=sys.stderr)  # noqa: T201
    sys.exit(2)


if __name__ == "__main__":
    main()
