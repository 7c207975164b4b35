"""Break each thing once: the rule that is there for it says so."""

import pytest
from tests.k8s.manifests import Manifests
from tests.k8s.mutations import behaviour, pods, references
from tests.k8s.rendering import items
from tests.k8s.rules.table import RULES

BROKEN = pods.BROKEN | references.BROKEN | behaviour.BROKEN


@pytest.mark.parametrize("name", BROKEN)
def test_t48_it_is_noticed(name: str) -> None:
    variant, break_it, rule = BROKEN[name]
    manifests = Manifests(items(variant))
    assert not list(rule(manifests)), "the rule speaks before anything is broken"

    break_it(manifests)

    assert list(rule(manifests)), f"{rule.__name__} does not notice"


def test_every_rule_is_broken_by_something() -> None:
    assert {rule for _, _, rule in BROKEN.values()} == set(RULES)
