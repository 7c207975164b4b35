"""The documents by which clients find out what the server knows: groups, kinds, version."""

from __future__ import annotations

from collections.abc import Iterable

from tests.apiserver.kinds import KINDS, Item, Kind

VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0", "platform": "linux/amd64"}
"""The lowest version of Kubernetes that the manifests are for."""
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def documents() -> dict[str, Item]:
    """Every document by its path."""
    roots = sorted({kind.root for kind in KINDS})
    return {
        "/version": VERSION,
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()},
        "/openapi/v3": {
            "paths": {root[1:]: {"serverRelativeURL": f"/openapi/v3{root}"} for root in roots}
        },
        **{root: _resources(root) for root in roots},
        **{f"/openapi/v3{root}": _openapi(root) for root in roots},
    }


def _groups() -> list[Item]:
    names = dict.fromkeys(kind.group for kind in KINDS if kind.group)
    return [_group(name, [kind for kind in KINDS if kind.group == name]) for name in names]


def _group(name: str, kinds: Iterable[Kind]) -> Item:
    versions = [
        {"groupVersion": api_version, "version": api_version.partition("/")[2]}
        for api_version in dict.fromkeys(kind.api_version for kind in kinds)
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(root: str) -> Item:
    kinds = [kind for kind in KINDS if kind.root == root]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": kinds[0].api_version,
        "resources": [
            {
                "name": kind.plural,
                "singularName": kind.name.lower(),
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": VERBS,
                "shortNames": list(kind.short),
            }
            for kind in kinds
        ],
    }


def _openapi(root: str) -> Item:
    """Just enough that kubectl leaves the validation of fields to the server.

    Without schemas it takes the merge keys from the types that it was compiled with.
    """
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {_path(kind): {"patch": _patch(kind)} for kind in KINDS if kind.root == root},
    }


def _path(kind: Kind) -> str:
    namespace = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"{kind.root}{namespace}/{kind.plural}/{{name}}"


def _patch(kind: Kind) -> Item:
    return {
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
            "group": kind.group,
            "version": kind.version,
            "kind": kind.name,
        },
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
        "responses": {"200": {"description": "OK"}},
    }
