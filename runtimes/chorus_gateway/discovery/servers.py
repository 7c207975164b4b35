"""Which servers the cluster names now, which models are on them, and how callers may call them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chorus_discovery.services import Service
from chorus_gateway.errors import AmbiguousModel, UnknownModel
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.target import Target

DEFAULT_DOMAIN: Final = "cluster.local"
_HOST: Final = "{name}.{namespace}.svc.{domain}"


@dataclass
class _Server:
    """A Service, the one origin that stands for all its names, and the models it said it has."""

    service: Service
    origin: Origin
    models: frozenset[str] = field(default=frozenset())


class Servers:
    """The servers as of the last change; `domain` is the cluster's, usually cluster.local."""

    def __init__(self, domain: str = DEFAULT_DOMAIN) -> None:
        self._domain = domain
        self._servers: dict[str, _Server] = {}
        self._origins: dict[Origin, Origin] = {}
        self._addresses: dict[str, Sequence[str]] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._servers)

    @property
    def names(self) -> list[str]:
        """The models' names, each once."""
        return sorted({name for server in self._servers.values() for name in server.models})

    def replace(self, services: Mapping[str, Service], namespace: str) -> None:
        """Know these and no others; `namespace` is where a Service's name alone will do."""
        before = self._servers
        self._servers = {}
        self._origins, self._addresses = {}, {}
        for key, service in services.items():
            server = _Server(service, self._origin(service), frozenset(service.models or ()))
            if service.models is None and key in before:
                server.models = before[key].models
            self._servers[key] = server
            self._addresses[server.origin.host] = service.addresses
            for host in service.hosts(namespace, self._domain):
                self._origins[Origin("http", _in_brackets(host), service.port)] = server.origin

    def to_ask(self) -> dict[str, Origin]:
        """The servers that have to be asked for their models, by their keys."""
        return {
            key: server.origin
            for key, server in self._servers.items()
            if server.service.models is None
        }

    def found(self, key: str, origin: Origin, models: Iterable[str]) -> None:
        """Note what a server said, if it is the same server still."""
        server = self._servers.get(key)
        if server is not None and server.origin == origin:
            server.models = frozenset(models)

    def is_known(self, key: str) -> bool:
        """Whether it is known of a server which models it has."""
        return key in self._servers and bool(self._servers[key].models)

    def origin(self, asked: Origin | None) -> Origin | None:
        """The origin of the server that is called by this one, None if there is no such server."""
        return self._origins.get(asked) if asked else None

    def has(self, origin: Origin) -> bool:
        """Whether it is the origin of a server."""
        return origin.host in self._addresses and self._origins.get(origin) == origin

    def addresses(self, host: str) -> Sequence[str]:
        """Where the cluster says that a host is; empty where a lookup has to tell."""
        return self._addresses.get(host, ())

    def model(self, name: str) -> Target | None:
        """The model of that name, None if no server has one. Raises AmbiguousModel."""
        having = {key: one for key, one in self._servers.items() if name in one.models}
        if len(having) > 1:
            keys = sorted(having)
            raise AmbiguousModel(
                f"{' and '.join(keys)} each have a model {name}; in model_deployed_url write "
                f"{keys[0]}/{name} for that of the first"
            )
        return next((Target(one.origin, name) for one in having.values()), None)

    def at(self, key: str, model: str | None) -> Target:
        """A model on the server of that key, whichever is there if none is given.

        Raises UnknownModel.
        """
        if key not in self._servers:
            raise UnknownModel("no server of that namespace and name is known here")
        return Target(self._servers[key].origin, model)

    def _origin(self, service: Service) -> Origin:
        host = _HOST.format(name=service.name, namespace=service.namespace, domain=self._domain)
        return Origin("http", host, service.port)


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host
