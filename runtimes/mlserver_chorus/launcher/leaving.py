"""How the process ends."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

import click


def leave(code: int, reason: str = "") -> NoReturn:
    """Exit without waiting for threads that load or hang; the reason is the last line said."""
    logging.shutdown()
    if reason:
        click.echo(f"chorus: {reason}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
