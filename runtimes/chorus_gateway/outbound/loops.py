"""A gateway that is sent to a gateway, or to itself, by a URL: the second one refuses."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from chorus_gateway.errors import error_response

HOP: Final = "x-chorus-hop"
SENT_ON: Final = {HOP: "1"}  # the header of every request that a gateway sends on

LOOP: Final = "the request comes from a gateway already; address the model server itself"
_HOP: Final = HOP.encode()


class RefuseLoops:
    """Answers no gateway, on whatever route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and _HOP in [name for name, _ in scope["headers"]]:
            await error_response(400, LOOP)(scope, receive, send)
            return
        await self._app(scope, receive, send)
