"""Create, update, patch, apply and delete: from a body to what is stored."""

from __future__ import annotations

from dataclasses import dataclass

from tests.apiserver import kinds
from tests.apiserver.admission import Admission
from tests.apiserver.kinds import Item, Kind
from tests.apiserver.ownership import Ownership
from tests.apiserver.patches import patched
from tests.apiserver.problems import Problem, already_exists, modified, not_found
from tests.apiserver.store import Store
from tests.apiserver.targets import Target

NAMESPACE = kinds.named("Namespace")


@dataclass(frozen=True)
class Options:
    """How a write is to be done, from its query."""

    manager: str = "unknown"
    force: bool = False
    dry_run: bool = False


class Writes:
    """Every write; what it returns is the object as it is then, or would be in a dry run."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._admission = Admission()
        self._ownership = Ownership()

    def create(self, target: Target, body: Item, options: Options) -> Item:
        """409 where there is one of that name already, 404 without its namespace."""
        self._same_kind(target.kind, body)
        name = (body.get("metadata") or {}).get("name", "")
        if self._store.get(target.kind, target.namespace, name) is not None:
            raise already_exists(target.kind, name)
        return self._keep(target, body, None, options)

    def update(self, target: Target, body: Item, options: Options) -> Item:
        """Replace; 409 where the body comes from an older version."""
        self._same_kind(target.kind, body)
        live = self._live(target)
        return self._keep(target, body, live, options)

    def patch(self, target: Target, body: Item, content_type: str, options: Options) -> Item:
        """Merge into what is there; 409 where the patch names an older version."""
        live = self._live(target)
        wanted = (body.get("metadata") or {}).get("resourceVersion")
        if wanted not in (None, live["metadata"]["resourceVersion"]):
            raise modified(target.kind, target.name)
        return self._keep(target, patched(target.kind, live, body, content_type), live, options)

    def apply(self, target: Target, body: Item, options: Options) -> tuple[Item, bool]:
        """Server-side apply: creates too; the object, and whether it is new."""
        self._same_kind(target.kind, body)
        key = (target.kind, target.namespace, target.name)
        live = self._store.get(*key)
        merged, owners = self._ownership.apply(
            key, live or {}, body, options.manager, force=options.force
        )
        kept = self._keep(target, merged, live, options)
        if not options.dry_run:
            self._ownership.record(key, owners)
        return kept, live is None

    def delete(self, target: Target, body: Item, options: Options) -> Item:
        """Delete, a namespace with all that is in it; 409 where a precondition fails."""
        live = self._live(target)
        conditions = body.get("preconditions") or {}
        if any(live["metadata"].get(field) != value for field, value in conditions.items()):
            raise modified(target.kind, target.name)
        if not options.dry_run:
            if target.kind == NAMESPACE:
                for kind, namespace, name in self._store.contents(target.name):
                    self._drop(kind, namespace, name)
            self._drop(target.kind, target.namespace, target.name)
        return live

    def _drop(self, kind: Kind, namespace: str, name: str) -> None:
        self._store.drop(kind, namespace, name)
        self._ownership.forget((kind, namespace, name))

    def _live(self, target: Target) -> Item:
        live = self._store.get(target.kind, target.namespace, target.name)
        if live is None:
            raise not_found(target.kind, target.name)
        return live

    def _keep(self, target: Target, item: Item, live: Item | None, options: Options) -> Item:
        if target.namespace and self._store.get(NAMESPACE, "", target.namespace) is None:
            raise not_found(NAMESPACE, target.namespace)
        item = self._admission.admit(target.kind, target.namespace, item, live)
        self._same_name(target, item)
        version = item["metadata"].get("resourceVersion")
        if live is not None and version not in (None, live["metadata"]["resourceVersion"]):
            raise modified(target.kind, target.name)
        if options.dry_run:
            return item
        kept = self._store.keep(target.kind, item)
        key = (target.kind, target.namespace, kept["metadata"]["name"])
        self._ownership.update(key, live or {}, kept, options.manager)
        return kept

    def _same_kind(self, kind: Kind, body: Item) -> None:
        if (body.get("apiVersion"), body.get("kind")) != (kind.api_version, kind.name):
            raise Problem(
                400, f'the object is not a {kind.name} of "{kind.api_version}", as the path says'
            )

    def _same_name(self, target: Target, item: Item) -> None:
        if target.name and item["metadata"]["name"] != target.name:
            raise Problem(400, "the name of the object does not match the name on the path")
