"""Every variant keeps every rule."""

import pytest
from tests.k8s.manifests import Manifests
from tests.k8s.rendering import VARIANTS, items
from tests.k8s.rules.table import RULES


@pytest.mark.parametrize("variant", VARIANTS)
def test_t48_every_rule_holds(variant: str) -> None:
    manifests = Manifests(items(variant))

    broken = [f"{rule.__name__}: {line}" for rule in RULES for line in rule(manifests)]

    assert not broken, "\n".join(broken)
