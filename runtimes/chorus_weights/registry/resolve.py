"""Which model a URI means now, by what MLflow says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chorus_weights.errors import RegistryError

from .client import explained, server, tracking_server
from .uri import LATEST, ModelUri
from .version import Version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

_READY = "READY"
_LOGGED = re.compile(r"models:/(m-[0-9a-f]+)")
_URLS = ("http", "https", "ftp", "sftp")


def resolve(client: MlflowClient, uri: ModelUri) -> Version:
    """Ask the registry. Raises RegistryError."""
    with explained(uri.text):
        version = _resolve(client, uri)
    require_own(version, uri)
    return version


def _resolve(client: MlflowClient, uri: ModelUri) -> Version:
    if uri.run_id:
        return _of_run(client, uri)
    if uri.model_id:
        return _logged(client.get_logged_model(uri.model_id))
    found = client.get_model_version(uri.name, _number(client, uri))
    if found.status != _READY:
        raise RegistryError(f"{uri.text} is not ready in MLflow ({found.status}); try again later")
    logged = _LOGGED.fullmatch(found.source or "")
    return Version(
        uri=f"models:/{found.name}/{found.version}",
        location=client.get_model_version_download_uri(found.name, str(found.version)),
        run_id=found.run_id or "",
        model_id=logged[1] if logged else "",
    )


def _of_run(client: MlflowClient, uri: ModelUri) -> Version:
    """The newest model of that name that the run has logged; with MLflow 2, those were files."""
    run = client.get_run(uri.run_id).info
    models = client.search_logged_models(
        [run.experiment_id], filter_string=f"name = '{uri.path}' AND source_run_id = '{uri.run_id}'"
    )
    if models:
        return _logged(max(models, key=lambda model: model.creation_timestamp))
    return Version(uri.text, f"{run.artifact_uri}/{uri.path}", uri.run_id)


def _logged(model: LoggedModel) -> Version:
    uri = f"models:/{model.model_id}"
    return Version(uri, model.artifact_location, model.source_run_id or "", model.model_id)


def _number(client: MlflowClient, uri: ModelUri) -> str:
    """The number of the version that is asked for."""
    if uri.alias:
        aliases = client.get_registered_model(uri.name).aliases
        if uri.alias not in aliases:
            known = ", ".join(sorted(aliases)) or "none"
            raise RegistryError(f"{uri.text}: MLflow has no such alias; the model has {known}")
        return str(aliases[uri.alias])
    if uri.version != LATEST:
        return uri.version
    newest = client.search_model_versions(
        f"name='{uri.name}'", max_results=1, order_by=["version_number DESC"]
    )
    if not newest:
        raise RegistryError(f"{uri.text}: MLflow has no version of it; check the name")
    return str(newest[0].version)


def require_own(version: Version, uri: ModelUri) -> None:
    """Refuse files on another web server: MLflow would show it the credentials of its own.

    Raises RegistryError.
    """
    place = urlsplit(version.location)
    own = {"", urlsplit(server()).netloc, urlsplit(tracking_server()).netloc}
    elsewhere = place.scheme == "mlflow-artifacts" and place.netloc not in own
    if place.scheme in _URLS or elsewhere:
        raise RegistryError(
            f"{uri.text} has its files on another server, which is not asked; log it to this one"
        )
