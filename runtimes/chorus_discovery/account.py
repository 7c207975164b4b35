"""Which cluster this process belongs to: its pod's service account, or a user's kubeconfig."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chorus_discovery.cluster import Cluster
from chorus_discovery.errors import KubeconfigUnusable, KubernetesMissing, NotInCluster

FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes puts the token, the certificate and the namespace of a pod's account."""


def in_cluster(folder: Path = FOLDER, environment: Mapping[str, str] = os.environ) -> Cluster:
    """Connect as the pod's service account. Raises NotInCluster, KubernetesMissing."""
    if not environment.get("KUBERNETES_SERVICE_HOST") or not (folder / "token").is_file():
        raise NotInCluster("no service account of a cluster here")
    _require_package()
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException
    from kubernetes.aio.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()
    loader = InClusterConfigLoader(
        str(folder / "token"),
        str(folder / "ca.crt"),
        try_refresh_token=False,
        environ=environment,
    )
    try:
        loader.load_and_set(configuration)
        # Tokens rotate. One is read for each request: there is one in minutes, and the loader's
        # own refreshing would go on for a minute with a token that is revoked.
        configuration.refresh_api_key_hook = loader.load_and_set  # type: ignore[assignment]
        return Cluster(configuration, (folder / "namespace").read_text().strip())
    except (ConfigException, OSError) as error:
        raise NotInCluster("the service account here has no token, CA or namespace") from error


async def from_kubeconfig() -> Cluster:
    """Connect as the user of `kubectl`, in the namespace of the current context.

    Raises NotInCluster where there is no kubeconfig, KubeconfigUnusable, KubernetesMissing.
    """
    if not any(path.is_file() for path in _kubeconfigs()):
        raise NotInCluster("no kubeconfig here")
    _require_package()
    import yaml
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException, load_kube_config

    configuration = Configuration()
    try:
        loader = await load_kube_config(
            os.pathsep.join(map(str, _kubeconfigs())),
            client_configuration=configuration,
            persist_config=False,
        )
        context = loader.current_context["context"]
        return Cluster(configuration, context.get("namespace") or "default")
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError) as error:
        raise KubeconfigUnusable(
            "the kubeconfig cannot be used: `kubectl config view --minify` says what it holds"
        ) from error


def _kubeconfigs() -> list[Path]:
    stated = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return [Path(part).expanduser() for part in stated.split(os.pathsep) if part]


def _require_package() -> None:
    try:
        import kubernetes.aio  # noqa: F401
    except ImportError:
        raise KubernetesMissing(
            "the package kubernetes is not installed: pip install 'chorus-serve[kubernetes]'"
        ) from None
