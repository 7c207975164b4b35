import inspect
from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query

from chorus_gateway import errors
from chorus_gateway.errors import HANDLERS, STATUSES, GatewayError, InputRefused

GROUPS = {GatewayError, errors.RequestError, errors.UpstreamError}
SECRET = "/srv/secret/caller's text"


def family(base: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield base
    for child in base.__subclasses__():
        yield from family(child)


def one(error: type[GatewayError]) -> GatewayError:
    if issubclass(error, errors.UpstreamRefused):
        return error(400, SECRET)
    if issubclass(error, errors.RateLimited):
        return error(7)
    plain = (errors.Overloaded, errors.Draining, errors.DeadlinePassed)
    return error() if issubclass(error, plain) else error("what")


async def ask(raises: Exception, path: str = "/") -> httpx.Response:
    app = FastAPI(exception_handlers=HANDLERS)

    @app.get("/")
    async def fail() -> None:
        raise raises

    @app.get("/count")
    async def count(n: Annotated[int, Query()]) -> int:
        return n

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.get(path)


def test_every_error_has_a_status_and_every_status_an_error() -> None:
    assert set(family(GatewayError)) - GROUPS == set(STATUSES)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = [line.replace("│", " ").strip("└├─ ") for line in inspect.getdoc(errors).splitlines()]  # type: ignore[union-attr]
    names = [line.split()[0] for line in drawn if line]
    assert [name for name in names if hasattr(errors, name)] == [
        error.__name__ for error in family(GatewayError)
    ]


@pytest.mark.parametrize("error", STATUSES, ids=lambda error: error.__name__)
async def test_every_error_is_answered_in_one_shape(error: type[GatewayError]) -> None:
    response = await ask(one(error))
    assert response.status_code == STATUSES[error].status
    loading = ["estimated_time"] if error is errors.UpstreamLoading else []
    assert list(response.json()) == ["error", *loading]
    assert "secret" not in response.text
    assert ("retry-after" in response.headers) is (response.status_code in (429, 503))


async def test_retry_after_is_jittered_around_the_servers_advice() -> None:
    error = errors.UpstreamUnavailable("what", retry_after=7)
    waits = {(await ask(error)).headers["retry-after"] for _ in range(50)}
    assert {"7"} < waits <= {"7", "8", "9"}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("top_k must be at least 1", True),
        ("", False),
        ("cannot open /models/process", False),
        ("Traceback:\n  File", False),
        ("x" * 201, False),
    ],
)
async def test_the_model_servers_words_are_shown_only_if_harmless(said: str, shown: bool) -> None:
    message = (await ask(InputRefused(400, said))).json()["error"]
    assert message.startswith("the model server refused the input")
    assert message.endswith(f": {said}") is shown


async def test_a_bug_shows_nothing() -> None:
    response = await ask(ValueError(SECRET))
    assert (response.status_code, response.json()) == (500, {"error": "internal error"})


async def test_a_wrong_field_is_named_and_its_value_is_not_quoted() -> None:
    response = await ask(ValueError(), "/count?n=secret")
    assert response.status_code == 422
    assert response.json()["error"].startswith("query.n: ")
    assert "secret" not in response.text


def test_kinds_are_distinct() -> None:
    kinds = [error.kind for error in family(errors.UpstreamError) if "kind" in vars(error)]  # type: ignore[attr-defined]
    assert len(kinds) == len(set(kinds))
