"""The kinds of object that the API server knows: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Item = dict[str, Any]
"""One object, as JSON. Whoever holds one never changes it: a write makes a new one."""


@dataclass(frozen=True)
class Kind:
    """What the objects of one kind are called, and where they are found."""

    group: str
    version: str
    name: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path under which its group and version live."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def qualified(self) -> str:
        """Its name in messages: `deployments.apps`, `services`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


KINDS = (
    Kind("", "v1", "Namespace", "namespaces", ("ns",), namespaced=False),
    Kind("", "v1", "Service", "services", ("svc",)),
    Kind("", "v1", "ConfigMap", "configmaps", ("cm",)),
    Kind("", "v1", "Secret", "secrets"),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", ("sa",)),
    Kind("", "v1", "Pod", "pods", ("po",)),
    Kind("", "v1", "Endpoints", "endpoints", ("ep",)),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",)),
    Kind("apps", "v1", "Deployment", "deployments", ("deploy",)),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",)),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",)),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ("netpol",)),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        namespaced=False,
    ),
    Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", ("so",)),
    Kind("keda.sh", "v1alpha1", "TriggerAuthentication", "triggerauthentications", ("ta",)),
    Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways", ("gtw",)),
    Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    Kind("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes"),
    Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors", ("smon",)),
    Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors", ("pmon",)),
    Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", ("promrule",)),
    Kind("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices", ("isvc",)),
    Kind("serving.kserve.io", "v1alpha1", "ServingRuntime", "servingruntimes"),
    Kind(
        "serving.kserve.io",
        "v1alpha1",
        "ClusterServingRuntime",
        "clusterservingruntimes",
        namespaced=False,
    ),
    Kind("mlops.seldon.io", "v1alpha1", "Model", "models", ("mlm",)),
    Kind("mlops.seldon.io", "v1alpha1", "Server", "servers", ("mls",)),
    Kind("mlops.seldon.io", "v1alpha1", "ServerConfig", "serverconfigs"),
    Kind("mlops.seldon.io", "v1alpha1", "SeldonRuntime", "seldonruntimes"),
    Kind("mlops.seldon.io", "v1alpha1", "Experiment", "experiments", ("mle",)),
)


def at(group: str, version: str, plural: str) -> Kind | None:
    """The kind behind a path of the API."""
    wanted = (group, version, plural)
    found = (kind for kind in KINDS if (kind.group, kind.version, kind.plural) == wanted)
    return next(found, None)


def of(item: Item) -> Kind:
    """The kind that an object says it is; `LookupError` where there is none."""
    for kind in KINDS:
        if (kind.api_version, kind.name) == (item.get("apiVersion"), item.get("kind")):
            return kind
    raise LookupError(
        f'no matches for kind "{item.get("kind")}" in version "{item.get("apiVersion")}"'
    )


def named(name: str) -> Kind:
    """The kind by its name alone, `Service`; `LookupError` where there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise LookupError(f'no matches for kind "{name}"')
