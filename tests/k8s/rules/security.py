"""The restricted pod security standard, field by field, and who has a credential."""

from __future__ import annotations

from collections.abc import Iterator

from tests.k8s.manifests import Manifests, Pod
from tests.k8s.rendering import Item

# Those of the restricted standard, and images as volumes, which came after it.
VOLUMES = {"configMap", "downwardAPI", "emptyDir", "projected", "secret", "image"}
FIELD = "automountServiceAccountToken"
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def restricted(manifests: Manifests) -> Iterator[str]:
    """Every container passes `pod-security.kubernetes.io/enforce: restricted`, and more."""
    for container in manifests.containers:
        if not container.pod.is_whole:
            continue
        pod = container.pod.spec.get("securityContext", {})
        own = container.spec.get("securityContext", {})
        both = pod | own
        wanted = {
            "allowPrivilegeEscalation is not false": own.get("allowPrivilegeEscalation") is False,
            "keeps capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "has a root file system to write to": own.get("readOnlyRootFilesystem") is True,
            "is privileged": not own.get("privileged"),
            "may run as root": both.get("runAsNonRoot") is True and both.get("runAsUser", 1) != 0,
            "has no seccomp profile": both.get("seccompProfile") == {"type": "RuntimeDefault"},
            "has a port of the host": not any(
                "hostPort" in p for p in container.spec.get("ports", [])
            ),
        }
        yield from (f"{container.name} {what}" for what, holds in wanted.items() if not holds)


def pods(manifests: Manifests) -> Iterator[str]:
    """No namespace of the host, no volume of another kind, no endless scratch."""
    for pod in manifests.pods:
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(field):
                yield f"{pod.name} has {field}"
        for volume in pod.spec.get("volumes", []):
            if kinds := set(volume) - {"name"} - VOLUMES:
                yield f"{pod.name} has a volume of {kinds}"
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{pod.name}: the volume {volume['name']} has no sizeLimit"


def namespaces(manifests: Manifests) -> Iterator[str]:
    """A namespace of ours enforces it."""
    for item in manifests.of("Namespace"):
        if item["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"the namespace {item['metadata']['name']} does not enforce it"


def tokens(manifests: Manifests) -> Iterator[str]:
    """A token is in the gateway alone, and in it only where it has something to ask for."""
    for item in manifests.of("ServiceAccount"):
        if item.get(FIELD) is not False:
            yield f"the account {item['metadata']['name']} is mounted everywhere"
    for pod in manifests.pods:
        if pod.is_whole and not _is_off(manifests, pod):
            yield f"{pod.name} mounts its account everywhere"
        volumes = {one["name"] for one in pod.spec.get("volumes", []) if _holds_token(one)}
        for container in pod.containers:
            mounts = [m for m in container.spec.get("volumeMounts", []) if m["name"] in volumes]
            if mounts and container.program != "chorus_gateway":
                yield f"{container.name} is given a token"
            if any(m["mountPath"] != TOKEN_FOLDER or not m.get("readOnly") for m in mounts):
                yield f"{container.name} has its token in an odd place"


def _is_off(manifests: Manifests, pod: Pod) -> bool:
    """Of a ServingRuntime's pods it is the InferenceService that says so, if there is one."""
    if pod.owner["kind"] != "ServingRuntime":
        return pod.spec.get(FIELD) is False
    users = manifests.using(pod.owner["metadata"]["name"])
    return all(not one["spec"]["predictor"].get(FIELD, True) for one in users)


def _holds_token(volume: Item) -> bool:
    return any(
        "serviceAccountToken" in one for one in volume.get("projected", {}).get("sources", [])
    )


def roles(manifests: Manifests) -> Iterator[str]:
    """Nobody may do more than list and watch Services, nor that beyond a namespace."""
    for item in manifests.of("ClusterRole", "ClusterRoleBinding"):
        yield f"{item['kind']} {item['metadata']['name']}: nothing here is of the whole cluster"
    for item in manifests.of("Role"):
        for rule in item["rules"]:
            if rule != {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]}:
                yield f"the role {item['metadata']['name']} allows {rule}"
    for item in manifests.of("RoleBinding"):
        if not manifests.has("Role", item["roleRef"]["name"]):
            yield f"the binding {item['metadata']['name']} is of no role"
        for subject in item["subjects"]:
            if subject["namespace"] != item["metadata"]["namespace"]:
                yield f"the binding {item['metadata']['name']} is for another namespace"
            if not manifests.has("ServiceAccount", subject["name"]):
                yield f"the binding {item['metadata']['name']} is for no account of ours"
