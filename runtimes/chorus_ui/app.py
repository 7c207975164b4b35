"""The page as an ASGI application: gradio's, behind our doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import gradio as gr
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from chorus_ui import forgetful, page, theme
from chorus_ui.doors import Doors
from chorus_ui.gateway import Gateway
from chorus_ui.headers import SafeHeaders
from chorus_ui.settings import Settings

LARGEST_FILE: Final = 16 << 20  # bytes of an image or a recording; what the gateway takes of one
COMPRESSION: Final = 5  # the page is half a megabyte of what compresses well
MOST_SESSIONS: Final = 256  # of which each takes up to a megabyte; the page renews one that is gone
LOOK_SECONDS: Final = 0.01
"""How often the queue looks for something to do; gradio's 0.001 takes 5 % of a core for nothing."""
MOST_WAITING: Final = 256  # answers that all browsers together wait for


def create_app(settings: Settings, uploads: Path) -> ASGIApp:
    """Build the application; files that users upload lie in the folder `uploads` for a while."""
    forgetful.set_up()
    gateway = Gateway(settings.gateway)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await gateway.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def live() -> dict[str, bool]:
        return {"live": True}

    blocks = page.build(gateway, settings.public_gateway)
    blocks.queue(api_open=False, max_size=MOST_WAITING, default_concurrency_limit=None)
    blocks._queue.sleep_when_free = LOOK_SECONDS
    blocks.state_session_capacity = MOST_SESSIONS
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=theme.build(),
        css_paths=list(theme.CSS),
        js=theme.SCRIPT.read_text(),
        favicon_path=str(theme.FAVICON),
        footer_links=[],
        run_history=False,  # it would keep what users write in their browsers
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,  # the text of an exception may show more than is meant for a user
        max_file_size=LARGEST_FILE,
    )
    blocks.has_launched = True  # from here on files outside of the folder are refused
    return GZipMiddleware(SafeHeaders(Doors(app, uploads)), compresslevel=COMPRESSION)
