"""The one shape of error bodies that the protocol knows, for the whole REST application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mlserver.errors import MLServerError, ModelNotFound, ModelNotReady
from starlette.exceptions import HTTPException

UNKNOWN_MODEL: Final = "there is no model of that name and version"


def answer_errors_as_v2(app: FastAPI) -> None:
    """Give an application the one shape of error bodies that the protocol knows."""
    app.router.redirect_slashes = False  # a redirect would drop the body, and has none of its own
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ModelNotFound, _not_found)
    app.add_exception_handler(ModelNotReady, _not_ready)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)


def validation_answer(error: RequestValidationError) -> Response:
    """Where and what, never the input."""
    first = error.errors()[0]
    path = [part for part in first["loc"] if part != "body"]
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    if first["type"] == "json_invalid":
        field, problem = "body", "is not valid JSON"
    else:
        problem = first["msg"]
    return error_answer(400, f"{field or 'body'}: {problem}")


def words_of(error: MLServerError) -> str:
    """What a caller may read of an error: not the name it has made up."""
    return UNKNOWN_MODEL if isinstance(error, ModelNotFound) else str(error)


def error_answer(status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the protocol's form."""
    return JSONResponse({"error": words}, status_code=status, headers=headers)


async def _invalid(_: Request, error: Any) -> Response:
    return validation_answer(error)


async def _not_found(_: Request, __: Exception) -> Response:
    return error_answer(404, UNKNOWN_MODEL)


async def _not_ready(_: Request, error: Exception) -> Response:
    return error_answer(503, str(error))


async def _http_error(_: Request, error: Any) -> Response:
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


async def _internal(_: Request, error: Exception) -> Response:
    return error_answer(500, "internal error")
