import asyncio
from time import monotonic

import pytest
from starlette.requests import Request

from chorus_gateway import deadlines
from chorus_gateway.deadlines import NOTHING_SAID, terms_of, within
from chorus_gateway.errors import BadInput, DeadlinePassed
from chorus_http.access.callers import CALLER, Caller, Scope


def request(**said: str) -> Request:
    headers = [(name.replace("_", "-").encode(), text.encode()) for name, text in said.items()]
    return Request({"type": "http", "headers": headers})


def test_most_say_nothing() -> None:
    assert terms_of(request(host="gateway", accept="*/*"), 60) == NOTHING_SAID == ("", None)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"x_request_timeout": "2.5"}, 2.5),
        ({"x_request_timeout_ms": "100"}, 0.1),
        ({"x_request_timeout": "2", "x_request_timeout_ms": "100"}, 0.1),
        ({"x_request_timeout": "1000"}, 60),
    ],
)
def test_a_deadline_is_at_most_the_longest(said: dict[str, str], seconds: float) -> None:
    before = monotonic()
    deadline = terms_of(request(**said), 60).deadline
    assert deadline is not None
    assert before + seconds <= deadline <= monotonic() + seconds


@pytest.mark.parametrize("wrong", ["", "0", "-1", "soon", "nan", "inf", "1e3"])
@pytest.mark.parametrize("name", ["x-request-timeout", "x-request-timeout-ms"])
def test_what_is_no_time_is_named(name: str, wrong: str) -> None:
    with pytest.raises(BadInput, match=f"{name}: "):
        terms_of(request(**{name: wrong}), 60)


def test_a_caller_is_known_by_its_credentials_which_are_not_kept() -> None:
    one, other = (
        terms_of(request(authorization=f"Bearer {who}"), 60).caller for who in ("one", "other")
    )
    assert one != other
    assert "one" not in one


def test_a_caller_whose_key_is_known_has_its_name() -> None:
    known = request(authorization="Bearer one")
    known.scope[CALLER] = Caller("shop", frozenset({Scope.INFER}))
    assert terms_of(known, 60).caller == "shop"


async def test_work_in_time_and_work_too_late() -> None:
    assert await within(None, asyncio.sleep(0, "done")) == "done"
    assert await within(monotonic() + 60, asyncio.sleep(0, "done")) == "done"
    for seconds in (0.01, 0, -1):
        with pytest.raises(DeadlinePassed):
            await within(monotonic() + seconds, asyncio.Event().wait())


async def test_an_error_of_the_work_is_its_own() -> None:
    async def fail() -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        await within(monotonic() + 60, fail())


def test_the_next_server_is_told_what_is_left() -> None:
    asked = request()
    assert deadlines.what_is_left(asked) == {}
    for left, told in ((5.0, 5.0), (-1.0, 0.001)):
        deadlines.note(asked, monotonic() + left)
        [(name, value)] = deadlines.what_is_left(asked).items()
        assert name == "x-request-timeout"
        assert told - 1 < float(value) <= told
