"""The one shape of error bodies that the protocol knows, for the whole REST application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


def answer_errors_as_v2(app: FastAPI) -> None:
    """Give an application the one shape of error bodies that the protocol knows."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)


async def _invalid(request: Request, error: Any) -> Response:
    """A RequestValidationError: where and what, never the input."""
    media_type = request.headers["content-type"].partition(";")[0].strip()
    if media_type.lower() != "application/json":
        return JSONResponse({"error": "Content-Type must be application/json"}, status_code=415)
    first = error.errors()[0]
    path = [part for part in first["loc"] if part != "body"]
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    if first["type"] == "json_invalid":
        field, problem = "body", "is not valid JSON"
    else:
        problem = first["msg"]
    return JSONResponse({"error": f"{field or 'body'}: {problem}"}, status_code=400)


async def _http_error(_: Request, error: Any) -> Response:
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


async def _internal(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "internal error"}, status_code=500)
