"""The pages that describe the API: they load scripts of others, and tell of every route."""

from __future__ import annotations

import re
from typing import Final

from fastapi import FastAPI

_PAGE: Final = re.compile(r".*/(?:docs|redoc|openapi\.json)(?:/.*)?")


def leave_out(app: FastAPI) -> None:
    """Serve none of them."""
    app.router.routes[:] = [
        route for route in app.router.routes if not _PAGE.fullmatch(getattr(route, "path", ""))
    ]
