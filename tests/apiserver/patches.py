"""Bodies of requests, and what the content type of a patch makes of them."""

from __future__ import annotations

import json

import yaml
from tests.apiserver.kinds import Item, Kind
from tests.apiserver.merges import json_merge, strategic_merge
from tests.apiserver.problems import Problem

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
PATCHES = (MERGE, STRATEGIC, APPLY)

BUILT_IN = ("", "apps", "policy", "autoscaling", "networking.k8s.io", "rbac.authorization.k8s.io")
"""Groups whose types are known well enough for a strategic merge; custom resources are not."""


def read(body: bytes, content_type: str) -> Item:
    """The object in a body; 415 for a form not known, 400 for one that cannot be read."""
    is_yaml = content_type in (APPLY, "application/yaml")
    if not is_yaml and content_type not in ("application/json", MERGE, STRATEGIC):
        raise Problem(415, f'the body has the media type "{content_type}", which is not supported')
    try:
        item = yaml.safe_load(body) if is_yaml else json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        raise Problem(400, "the body cannot be read: it is not well-formed") from error
    if not isinstance(item, dict):
        raise Problem(400, "the body is not an object")
    return item


def patched(kind: Kind, live: Item, patch: Item, content_type: str) -> Item:
    """The object after a merge patch or a strategic one."""
    if content_type == MERGE:
        return dict(json_merge(live, patch))
    if content_type == STRATEGIC and kind.group in BUILT_IN:
        return strategic_merge(kind, live, patch)
    raise Problem(415, f'{kind.qualified} cannot be patched by "{content_type}"')
