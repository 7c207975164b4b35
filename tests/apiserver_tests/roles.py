"""Roles over Services, and their bindings."""

from __future__ import annotations

from collections.abc import Sequence

from tests.apiserver.access import RBAC_GROUP
from tests.apiserver.kinds import Item

ACCOUNT: Item = {"kind": "ServiceAccount", "name": "gateway", "namespace": "default"}


def role(*verbs: str, kind: str = "Role", names: Sequence[str] = ()) -> Item:
    rule: Item = {"apiGroups": [""], "resources": ["services"], "verbs": list(verbs)}
    if names:
        rule["resourceNames"] = list(names)
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": kind,
        "metadata": {"name": "reader"},
        "rules": [rule],
    }


def binding(subject: Item, role_kind: str = "Role", kind: str = "RoleBinding") -> Item:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": kind,
        "metadata": {"name": "readers"},
        "subjects": [subject],
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": role_kind, "name": "reader"},
    }
