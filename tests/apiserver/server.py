"""An API server of Kubernetes for tests: real TLS, tokens and roles, and the real kubectl works.

It has no controllers, no schemas and no kubelet: a Deployment is stored, and nothing comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web
from tests.apiserver import access, kinds
from tests.apiserver.access import ADMIN, Tokens
from tests.apiserver.background import Background
from tests.apiserver.certificates import server_context
from tests.apiserver.credentials import write_account, write_kubeconfig
from tests.apiserver.faults import Faults
from tests.apiserver.kinds import Item, Kind
from tests.apiserver.routes import Routes
from tests.apiserver.store import Store
from tests.apiserver.targets import Asked, Target
from tests.apiserver.watches import Watches
from tests.apiserver.writes import NAMESPACE, Options, Writes
from tests.conftest import free_port

NAMESPACES = ("default", "kube-system")
"""Those that every cluster has."""


class ApiServer:
    """An API server in a thread of its own: `with ApiServer(folder=tmp_path) as server`.

    `names` are further addresses and host names that its certificate is for. What tests call is
    done in that thread, whichever thread or event loop they call it from.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        folder: Path,
        names: Sequence[str] = (),
    ) -> None:
        self._host, self._port, self._folder = host, port or free_port(), folder
        reached = "127.0.0.1" if host == "0.0.0.0" else host
        self.url = f"https://{reached}:{self._port}"
        self.ca_file = folder / "ca.crt"
        folder.mkdir(parents=True, exist_ok=True)
        self._tls = server_context(folder, ["127.0.0.1", "localhost", *{reached, *names}])
        self.requests: list[Asked] = []
        self._background = Background("apiserver")
        self._store = Store()
        self._tokens = Tokens()
        self._writes = Writes(self._store)
        self._watches = Watches(self._store)
        self.faults = Faults(
            lambda problem: self._background.call(lambda: self._watches.fail(problem))
        )
        self._routes = Routes(
            self._store,
            self._writes,
            self._watches,
            self._tokens,
            self.faults,
            self.requests.append,
        )
        self.admin_token = self._tokens.issue(ADMIN)
        self._kubeconfigs = 0
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self._background.start()
        try:
            self._background.call(self._need_namespaces)
            self.start()
        except BaseException:
            self._background.end()
            raise
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._background.end()

    def start(self) -> None:
        """Listen; again after `stop()`, on the same port and with the same objects."""
        self._background.run(self._listen())

    def stop(self) -> None:
        """Go away: no open connection is left, and nobody listens on the port."""
        self._background.run(self._leave())

    def token(self, namespace: str, service_account: str) -> str:
        """A new bearer token of that account, which need not exist as an object."""
        return self._tokens.issue(access.service_account(namespace, service_account))

    def revoke(self, token: str) -> None:
        """From now on it names nobody; a watch that is open stays open, as in a cluster."""
        self._tokens.revoke(token)

    def kubeconfig(self, token: str | None = None, namespace: str = "default") -> Path:
        """A new file for kubectl and other clients; the administrator's without a token."""
        self._kubeconfigs += 1
        return write_kubeconfig(
            self._folder / f"kubeconfig-{self._kubeconfigs}",
            url=self.url,
            ca_file=self.ca_file,
            token=token or self.admin_token,
            namespace=namespace,
        )

    def account_folder(self, namespace: str, service_account: str) -> Path:
        """`token`, `ca.crt` and `namespace` as projected into a pod; a second call rotates."""
        return write_account(
            self._folder / "accounts" / namespace / service_account,
            ca_file=self.ca_file,
            token=self.token(namespace, service_account),
            namespace=namespace,
        )

    def put(self, item: Item) -> Item:
        """Create or replace an object, and its namespace if need be; the object as stored."""
        return deepcopy(self._background.call(lambda: self._put(deepcopy(item))))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object, `Service`; `Problem` 404 where there is none."""
        target = _target("delete", kinds.named(kind), namespace, name)
        self._background.call(lambda: self._writes.delete(target, {}, Options()))

    def get(self, kind: str, namespace: str, name: str) -> Item | None:
        """An object, `Service`; None where there is none."""
        target = _target("get", kinds.named(kind), namespace, name)
        key = (target.kind, target.namespace, name)
        return deepcopy(self._background.call(lambda: self._store.get(*key)))

    def compact(self) -> None:
        """Every resourceVersion before now is too old: a watch or a next page from it gets 410."""
        self._background.call(self._store.compact)

    def drop_watches(self) -> None:
        """Cut the connection under every open watch."""
        self._background.call(self._watches.drop)

    def _put(self, item: Item) -> Item:
        kind = kinds.of(item)
        metadata = item["metadata"]
        target = _target("update", kind, metadata.get("namespace", "default"), metadata["name"])
        if target.namespace:
            self._need_namespace(target.namespace)
        if self._store.get(kind, target.namespace, target.name) is None:
            return self._writes.create(target, item, Options(manager="put"))
        return self._writes.update(target, item, Options(manager="put"))

    def _need_namespaces(self) -> None:
        for name in NAMESPACES:
            self._need_namespace(name)

    def _need_namespace(self, name: str) -> None:
        if self._store.get(NAMESPACE, "", name) is None:
            item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._writes.create(_target("create", NAMESPACE, "", name), item, Options())

    async def _listen(self) -> None:
        # Not waiting for open requests: a server that goes away does not.
        self._runner = web.AppRunner(
            self._routes.application(),
            handler_cancellation=True,
            shutdown_timeout=0,
            access_log=None,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls)
        await site.start()

    async def _leave(self) -> None:
        if self._runner is None:
            return
        # At once: a polite end of TLS would wait for every client's answer.
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        self._runner = None


def _target(verb: str, kind: Kind, namespace: str, name: str) -> Target:
    return Target(verb, kind, namespace if kind.namespaced else "", name)
