"""Label and field selectors."""

from __future__ import annotations

import pytest
from tests.apiserver.problems import Problem
from tests.apiserver.selectors import Selector

ITEM = {
    "metadata": {
        "name": "a",
        "namespace": "shop",
        "labels": {"chorus/protocol": "v2", "tier": "gpu", "empty": ""},
    }
}


@pytest.mark.parametrize(
    "labels",
    [
        "",
        "chorus/protocol=v2",
        "chorus/protocol==v2",
        "tier!=cpu",
        "absent!=cpu",
        "tier in (cpu, gpu),chorus/protocol",
        "tier notin (cpu,tpu)",
        "absent notin (cpu)",
        "!absent",
        "empty",
        "empty=",
        "tier=gpu, !absent",
    ],
)
def test_labels_that_match(labels: str) -> None:
    assert Selector(labels).matches(ITEM)


@pytest.mark.parametrize(
    "labels",
    [
        "chorus/protocol=v1",
        "tier!=gpu",
        "tier in (cpu)",
        "tier notin (cpu,gpu)",
        "absent",
        "absent=x",
        "absent in (x)",
        "!tier",
        "tier=gpu,absent",
    ],
)
def test_labels_that_do_not_match(labels: str) -> None:
    assert not Selector(labels).matches(ITEM)


def test_an_item_without_labels() -> None:
    assert Selector("!tier").matches({"metadata": {"name": "a"}})
    assert not Selector("tier").matches({"metadata": {"name": "a", "labels": None}})


def test_fields() -> None:
    assert Selector(fields="metadata.name=a,metadata.namespace!=other").matches(ITEM)
    assert not Selector(fields="metadata.name==b").matches(ITEM)


@pytest.mark.parametrize("labels", ["=v2", "tier=(gpu)", "tier in gpu", "tier,,x", "a b"])
def test_labels_that_cannot_be_read(labels: str) -> None:
    with pytest.raises(Problem, match="unable to parse requirement"):
        Selector(labels)


def test_a_field_that_is_not_known() -> None:
    with pytest.raises(Problem, match=r"field label not supported: status\.phase=Running"):
        Selector(fields="status.phase=Running")
