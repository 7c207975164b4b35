"""One node of a cluster: an API server with what kubectl applied, and pods made of it."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx
from tests.apiserver.server import ApiServer
from tests.cluster.containers import Engine
from tests.cluster.flattening import Item, config_maps, flattened
from tests.cluster.network import Network
from tests.cluster.pods import Pod
from tests.k8s.rendering import folder_of

NAMESPACE = "chorus"


class Node:
    """Its pods live until `close` if nothing ends them before."""

    def __init__(self, engine: Engine, network: Network, api: ApiServer, folder: Path) -> None:
        self.api, self.network = api, network
        self._engine, self._folder = engine, folder
        self._kubeconfig = api.kubeconfig(namespace=NAMESPACE)
        self._pods: list[Pod] = []

    def apply(self, overlay: str) -> None:
        """`kubectl apply -k k8s/overlays/…`."""
        self.kubectl("apply", "--validate=false", "-k", str(folder_of(overlay)))

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """What kubectl prints, as the administrator; fails with its words."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self._kubeconfig), *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pod(self, deployment: str, names: Sequence[str] = ()) -> Pod:
        """Make a pod of a Deployment there is; `names` lead to it, as in a cluster's DNS."""
        template = self._get("Deployment", deployment)["spec"]["template"]
        spec = template["spec"]
        name = f"{deployment}-{secrets.token_hex(3)}"
        documents = [
            *(self._get("ConfigMap", one) for one in sorted(config_maps(spec))),
            *flattened(template, name, self._account(spec), self._environment()),
        ]
        options = ":".join([self.network.name, *(f"alias={one}" for one in names)])
        pod = Pod(self._engine, name, spec, documents, [f"--network={options}"], self._folder)
        self._pods.append(pod)
        return pod

    def close(self) -> None:
        """Remove all pods."""
        for pod in self._pods:
            pod.remove()

    def _get(self, kind: str, name: str) -> Item:
        item = self.api.get(kind, NAMESPACE, name)
        assert item is not None, f"there is no {kind} {name}"
        return item

    def _account(self, spec: Item) -> dict[str, str]:
        """The files of the pod's service account."""
        account = spec.get("serviceAccountName", "default")
        folder = self.api.account_folder(NAMESPACE, account)
        return {name: (folder / name).read_text() for name in ("token", "ca.crt", "namespace")}

    def _environment(self) -> dict[str, str]:
        url = httpx.URL(self.api.url)
        return {"KUBERNETES_SERVICE_HOST": url.host, "KUBERNETES_SERVICE_PORT": str(url.port)}
