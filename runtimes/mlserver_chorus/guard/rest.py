"""Plain ASGI around MLServer's REST application."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = (b"content-type", b"application/json")
CLOSE = (b"connection", b"close")


class Guard:
    """Plain ASGI around MLServer's REST application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.draining = False
        """While true, every answer tells its caller to open no further request here."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, as JSON where it does not say what it is."""
        if scope["type"] == "http" and not any(name == JSON[0] for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], JSON]}
        await self._app(scope, receive, self._closing(send) if self.draining else send)

    def _closing(self, send: Send) -> Send:
        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], CLOSE]}
            await send(message)

        return send_and_close
