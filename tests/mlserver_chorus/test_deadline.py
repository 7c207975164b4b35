"""What requests say of their deadline and their caller, on either transport."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from mlserver.types import InferenceRequest, Parameters

from mlserver_chorus.deadline import TRANSPORT_DEADLINE, deadline_of, key_of_request
from mlserver_chorus.errors import InvalidRequest

LONGEST = 120.0


def request(headers: dict[str, str] | None = None, **parameters: Any) -> InferenceRequest:
    return InferenceRequest(inputs=[], parameters=Parameters(headers=headers, **parameters))


@pytest.fixture
def transport() -> Iterator[None]:
    token = TRANSPORT_DEADLINE.set(monotonic() + 3)
    yield
    TRANSPORT_DEADLINE.reset(token)


def left(asked: InferenceRequest) -> float:
    deadline = deadline_of(asked, LONGEST)
    assert deadline is not None
    return deadline - monotonic()


@pytest.mark.parametrize(
    "silent", [InferenceRequest(inputs=[]), request(), request({"accept": "*/*"}, top_k=1)]
)
def test_who_says_nothing_has_no_deadline(silent: InferenceRequest) -> None:
    assert deadline_of(silent, LONGEST) is None


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (request(timeout=1_500_000), 1.5),
        (request({"x-request-timeout": "2.5"}), 2.5),
        (request({"x-request-timeout-ms": "750"}), 0.75),
        (request({"x-request-timeout": "2"}, timeout=5_000_000), 2),
        (request({"x-request-timeout": "5"}, timeout=2_000_000), 2),
        (request({"x-request-timeout": "99999"}), LONGEST),
        (request(timeout=10**400), LONGEST),
    ],
)
def test_the_earliest_counts_and_none_is_too_far(asked: InferenceRequest, seconds: float) -> None:
    assert left(asked) == pytest.approx(seconds, abs=0.3)


@pytest.mark.usefixtures("transport")
def test_the_transports_own_deadline_counts_too() -> None:
    assert left(request()) == pytest.approx(3, abs=0.3)
    assert left(request(timeout=1_000_000)) == pytest.approx(1, abs=0.3)
    assert left(request(timeout=9_000_000)) == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "1000", True, None])
def test_a_timeout_that_is_no_time_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^parameters\.timeout: ") as caught:
        deadline_of(request(timeout=wrong), LONGEST)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "", "1e3", "inf", "nan", "١"])
@pytest.mark.parametrize("name", ["x-request-timeout", "x-request-timeout-ms"])
def test_a_header_that_is_no_time_is_refused_by_name(name: str, wrong: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"^headers\.{name}: a number above 0"):
        deadline_of(request({name: wrong}), LONGEST)


def test_callers_are_told_apart_by_their_credentials() -> None:
    anonymous, alice, bob = (
        key_of_request(request(headers))
        for headers in ({}, {"authorization": "Bearer alice"}, {"authorization": "Bearer bob"})
    )
    assert anonymous == "" == key_of_request(InferenceRequest(inputs=[]))
    assert len({anonymous, alice, bob}) == 3
    assert "alice" not in alice
