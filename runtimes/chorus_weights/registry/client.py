"""MLflow's own client: from the environment as everywhere, but silent, and never patient for long.

The server is MLFLOW_TRACKING_URI, for models:/ MLFLOW_REGISTRY_URI where that is set. Credentials
(MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN) are read by MLflow
alone.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chorus_weights.errors import RegistryError, RegistryUnreachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRACKING = "MLFLOW_TRACKING_URI"
REGISTRY = "MLFLOW_REGISTRY_URI"
_DEFAULTS = {
    # MLflow tries seven times for four minutes; who waits here wants to hear of it.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_CREDENTIALS = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
_REFUSED = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "CUSTOMER_UNAUTHORIZED": 401}
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_NO_ENDPOINT = "ENDPOINT_NOT_FOUND"


def is_installed() -> bool:
    """Whether MLflow can be imported."""
    return find_spec("mlflow") is not None


def server() -> str:
    """The URI of who knows models, without what is before its `@`; empty where none is set."""
    return _public(os.environ.get(REGISTRY) or os.environ.get(TRACKING) or "")


def tracking_server() -> str:
    """The same of who knows runs."""
    return _public(os.environ.get(TRACKING, ""))


def client() -> MlflowClient:
    """MLflow's client. Raises RegistryError."""
    if not is_installed():
        raise RegistryError("MLflow is not installed: pip install -r requirements-mlflow.txt")
    if not server():
        raise RegistryError(f"set {TRACKING} to the address of an MLflow server")
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    import logging

    import mlflow

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    return mlflow.MlflowClient()


@contextmanager
def explained(what: str) -> Iterator[None]:
    """One line for what the library raises while it is asked for `what`."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        yield
    except (MlflowException, RequestException, OSError) as error:
        raise explanation(error, what) from error


def explanation(error: Exception, what: str) -> RegistryError:
    """One line for what MLflow or the disk raises; MLflow's own texts hold URLs, and more."""
    from requests import exceptions

    at = f"MLflow at {_host()}"
    code = getattr(error, "error_code", None)
    status = _status(error)
    if _causes(error, (exceptions.ConnectionError, exceptions.Timeout)):
        return RegistryUnreachable(f"{at} cannot be reached; start it, or correct {_variable()}")
    if _causes(error, (exceptions.RetryError, exceptions.ChunkedEncodingError)):
        return RegistryUnreachable(f"{at} does not answer whole; its log says why, or its proxy's")
    if code in _REFUSED or status in _REFUSED.values():
        status = _REFUSED.get(code or "", status)
        name = ", or let it be asked by that name (--allowed-hosts)" if status == 403 else ""
        return RegistryError(f"{at} refuses {what} ({status}); set {_CREDENTIALS}{name}")
    if code == _NO_ENDPOINT:
        return RegistryError(f"what answers at {_host()} is no MLflow; correct {_variable()}")
    if code == _ABSENT or status == 404:
        return RegistryError(f"{at} has no {what}; check the name")
    if status is not None and status >= 500:
        return RegistryUnreachable(f"{at} answers {status} for {what}; its log says why")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RegistryError("the disk is full; free some of it")
    if isinstance(error, OSError) and error.errno:
        return RegistryError(f"files of {what} cannot be written: {error.strerror}")
    return RegistryError(f"{at} does not give {what} ({code or type(error).__name__})")


def _causes(error: BaseException | None, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether it comes of one of these; MLflow raises its own without saying from what."""
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__ or error.__context__
    return False


def _status(error: Exception) -> int | None:
    """The HTTP status that the server gave, of the errors that carry one."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _public(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _variable() -> str:
    return REGISTRY if os.environ.get(REGISTRY) else TRACKING


def _host() -> str:
    """Who is asked: host and port, or the scheme of what is no server."""
    return urlsplit(server()).netloc or server().partition(":")[0]
