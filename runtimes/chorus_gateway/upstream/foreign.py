"""The servers of callers' choice: what is known of those that were asked lately."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.breaker import Breaker
from chorus_gateway.upstream.server import Server

MOST_SERVERS: Final = 256  # an entry of the allow-list may stand for names without number


class ForeignServers:
    """Remembers so many servers; of the one that was asked longest ago it forgets everything.

    Of those that are not `listed`, the log gives no names: callers may make them up.
    """

    def __init__(
        self,
        failures: int,
        pause: float,
        patience: float,
        on_change: Callable[[bool], None],
        listed: Callable[[Origin], bool],
    ) -> None:
        self._failures = failures
        self._pause = pause
        self._patience = patience
        self._on_change = on_change
        self._listed = listed
        self._servers: OrderedDict[Origin, Server] = OrderedDict()

    def choose(self, origin: Origin) -> Server:
        """Return the server."""
        server = self._servers.get(origin)
        if server is None:
            self._servers[origin] = server = self._add(origin)
        self._servers.move_to_end(origin)
        return server

    def _add(self, origin: Origin) -> Server:
        if len(self._servers) >= MOST_SERVERS:
            _, forgotten = self._servers.popitem(last=False)
            if forgotten.breaker.is_open:
                self._on_change(False)
        url = str(origin)
        name = url if self._listed(origin) else "of a caller's choice"
        breaker = Breaker(name, self._failures, self._pause, self._on_change)
        return Server(url, breaker, self._patience)
