"""Every object is one that the cluster takes, to the last field."""

from __future__ import annotations

from functools import cache

import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.k8s.custom_resources import SPECS
from tests.k8s.manifests import Manifests
from tests.k8s.rendering import VARIANTS, Item, items

OLDEST, NEWEST = "1.32", "1.37"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("variant", VARIANTS)
def test_t48_a_variant_is_valid(variant: str, version: str) -> None:
    for item in items(variant):
        assert problem(item, version) is None, f"{item['kind']} {item['metadata']['name']}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_containers_in_resources_of_others_are_those_of_a_pod(variant: str) -> None:
    for pod in Manifests(items(variant)).pods:
        spec = {name: pod.spec[name] for name in ("containers", "volumes") if name in pod.spec}
        item = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}

        assert problem(item, OLDEST) is None, pod.name


def test_a_field_that_there_is_not_is_noticed() -> None:
    for kind, changed in [
        ("Deployment", {"minReadySecond": 5}),
        ("Service", {"trafficDistributions": "PreferClose"}),
        ("ScaledObject", {"polingInterval": 10}),
    ]:
        item = Manifests(items("gpu")).one(kind, "chorus")
        item["spec"] |= changed

        assert problem(item, OLDEST) is not None, kind


def test_a_kind_that_nobody_has_looked_up_is_noticed() -> None:
    item = {"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "odd"}, "spec": {}}

    assert problem(item, NEWEST) == "nobody knows the kind Odd of example.com/v1"


def problem(item: Item, version: str) -> str | None:
    """What is wrong with an object in that version of Kubernetes; None if nothing is."""
    return _problem(yaml.safe_dump(item), version)


@cache  # most objects are in several variants
def _problem(text: str, version: str) -> str | None:
    item = yaml.safe_load(text)
    try:
        if spec := SPECS.get((item["apiVersion"], item["kind"])):
            jsonschema.validate(item["spec"], spec)
        else:
            kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return f"nobody knows the kind {item['kind']} of {item['apiVersion']}"
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return str(error.message)
    return None
