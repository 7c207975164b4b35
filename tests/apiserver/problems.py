"""What the API server refuses, and the `Status` objects that say so."""

from __future__ import annotations

from tests.apiserver.kinds import Item, Kind

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Problem(Exception):
    """A request that fails, with the HTTP status it is answered by."""

    def __init__(self, code: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason or REASONS.get(code, "")

    def status(self) -> Item:
        """The body of the answer."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }


def not_found(kind: Kind, name: str) -> Problem:
    return Problem(404, f'{kind.qualified} "{name}" not found')


def already_exists(kind: Kind, name: str) -> Problem:
    return Problem(409, f'{kind.qualified} "{name}" already exists', "AlreadyExists")


def modified(kind: Kind, name: str) -> Problem:
    return Problem(
        409,
        f'Operation cannot be fulfilled on {kind.qualified} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again",
    )


def invalid(kind: Kind, name: str, field: str, message: str) -> Problem:
    return Problem(422, f'{kind.name} "{name}" is invalid: {field}: {message}')


def expired() -> Problem:
    """The resourceVersion asked for is older than what is still known."""
    return Problem(410, "The resourceVersion for the provided list or watch is too old.")
