"""Routes whose endpoints read the request themselves."""

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class RawRoute(APIRoute):
    """A documented route whose endpoint takes the request as it is: it has no parameters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return cast("Callable[[Request], Coroutine[Any, Any, Response]]", self.endpoint)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse the method. Raises HTTPException with every method of the path."""
        if scope["method"] not in (self.methods or ()):
            raise HTTPException(405, headers={"allow": ", ".join(sorted(_methods(scope)))})
        await super().handle(scope, receive, send)


def _methods(scope: Scope) -> set[str]:
    """The methods of all routes that a path has; the framework knows those of the first."""
    routes = (route for route in scope["app"].routes if isinstance(route, APIRoute))
    found = (route for route in routes if route.matches(scope)[0] is not Match.NONE)
    return {method for route in found for method in route.methods or ()}
