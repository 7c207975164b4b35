"""Whatever the APIs' documents allow to be sent is answered as they say, and never with 500."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.conftest import Launch, Runtime
from tests.reliability.documents import gateway_document, v2_document
from tests.reliability.gateways import gateway_before

_SETTINGS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}
Case = schemathesis.Case[Any]
quick = settings(max_examples=10, derandomize=True, **_SETTINGS)
many = settings(max_examples=200, **_SETTINGS)

# Which inputs a task takes, and who is served, is more than a schema can say.
NOT_SAID: list[CheckFunction] = [positive_data_acceptance]
CHECKS: dict[str, Any] = {
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 503, 504]}}
}
CONFIG = schemathesis.Config.from_dict(CHECKS)
# Without the cases that follow from the documents alone: they are the same every time.
AT_RANDOM = schemathesis.Config.from_dict(CHECKS | {"phases": {"coverage": {"enabled": False}}})
GATEWAY, V2 = gateway_document(), v2_document()

gateway_api = schemathesis.openapi.from_dict(GATEWAY, config=CONFIG)
v2_api = schemathesis.openapi.from_dict(V2, config=CONFIG)


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Runtime:
    return gateway_before(launch, faulty, "process")


@gateway_api.parametrize()
@quick
def test_t04_gateway(case: Case, gateway: Runtime) -> None:
    case.call_and_validate(base_url=gateway.url, excluded_checks=NOT_SAID)


@pytest.mark.slow
@schemathesis.openapi.from_dict(GATEWAY, config=AT_RANDOM).parametrize()
@many
def test_t04_gateway_200_times(case: Case, gateway: Runtime) -> None:
    case.call_and_validate(base_url=gateway.url, excluded_checks=NOT_SAID)


@v2_api.exclude(path_regex="generate|versions").parametrize()  # the same under other names
@quick
def test_t04_v2(case: Case, faulty: Runtime) -> None:
    case.call_and_validate(base_url=faulty.url, excluded_checks=NOT_SAID)


@pytest.mark.slow
@schemathesis.openapi.from_dict(V2, config=AT_RANDOM).parametrize()
@many
def test_t04_v2_200_times(case: Case, faulty: Runtime) -> None:
    case.call_and_validate(base_url=faulty.url, excluded_checks=NOT_SAID)
