"""What pods may do, ask for and run."""

from tests.k8s.mutations.parts import Mutations, data, gateway, pod, runtime
from tests.k8s.rules import resources, security

BROKEN: Mutations = {
    "root": (
        "gpu",
        lambda m: pod(m)["securityContext"].update(runAsNonRoot=False),
        security.restricted,
    ),
    "user 0": (
        "gpu",
        lambda m: pod(m)["securityContext"].update(runAsUser=0),
        security.restricted,
    ),
    "writable root": (
        "cpu",
        lambda m: runtime(m)["securityContext"].pop("readOnlyRootFilesystem"),
        security.restricted,
    ),
    "a capability": (
        "cpu",
        lambda m: gateway(m)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        security.restricted,
    ),
    "no seccomp": (
        "cpu",
        lambda m: pod(m)["securityContext"].pop("seccompProfile"),
        security.restricted,
    ),
    "escalation in the init container": (
        "cpu",
        lambda m: pod(m)["initContainers"][0]["securityContext"].clear(),
        security.restricted,
    ),
    "host network": ("cpu", lambda m: pod(m).update(hostNetwork=True), security.pods),
    "host path": (
        "cpu",
        lambda m: pod(m)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        security.pods,
    ),
    "endless scratch": (
        "cpu",
        lambda m: pod(m)["volumes"].append({"name": "x", "emptyDir": {}}),
        security.pods,
    ),
    "lax namespace": (
        "cpu",
        lambda m: m.one("Namespace", "chorus")["metadata"]["labels"].clear(),
        security.namespaces,
    ),
    "token for the models": (
        "cpu",
        lambda m: runtime(m)["volumeMounts"].append(
            {"name": "kube-api", "mountPath": security.TOKEN_FOLDER, "readOnly": True}
        ),
        security.tokens,
    ),
    "token for all": (
        "cpu",
        lambda m: pod(m).pop("automountServiceAccountToken"),
        security.tokens,
    ),
    "may read secrets": (
        "cpu",
        lambda m: m.of("Role")[0]["rules"].append(
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        ),
        security.roles,
    ),
    "may write services": (
        "cpu",
        lambda m: m.of("Role")[0]["rules"][0]["verbs"].append("patch"),
        security.roles,
    ),
    "CPU limit": (
        "cpu",
        lambda m: runtime(m)["resources"]["limits"].update(cpu="4"),
        resources.requests,
    ),
    "memory limit": (
        "cpu",
        lambda m: runtime(m)["resources"]["limits"].update(memory="32Gi"),
        resources.requests,
    ),
    "threads": (
        "cpu",
        lambda m: data(m, "chorus-runtime").update(OMP_NUM_THREADS="8"),
        resources.threads,
    ),
    "half a GPU": (
        "gpu",
        lambda m: runtime(m)["resources"]["limits"].pop("nvidia.com/gpu"),
        resources.gpus,
    ),
    "too large for the node": (
        "gpu",
        lambda m: runtime(m)["resources"]["requests"].update(cpu="7"),
        resources.gpus,
    ),
    "any device": (
        "gpu",
        lambda m: data(m, "chorus-runtime").pop("CHORUS_DEVICE"),
        resources.gpus,
    ),
    "latest": ("cpu", lambda m: gateway(m).update(image="chorus-gateway:latest"), resources.images),
    "no tag": ("cpu", lambda m: runtime(m).update(image="chorus-runtime"), resources.images),
    "an image that nobody builds": (
        "cpu",
        lambda m: gateway(m).update(image="chorus-router:0.1.0"),
        resources.images,
    ),
    "the wrong image": (
        "cpu",
        lambda m: runtime(m).update(image="chorus-gateway:0.1.0"),
        resources.images,
    ),
}
