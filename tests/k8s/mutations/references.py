"""What is named and is not there, doors that stand open, settings that nobody reads."""

from tests.k8s.mutations.parts import (
    Mutations,
    data,
    deployment,
    drop,
    gateway,
    pod,
    policy,
    runtime,
)
from tests.k8s.rules import network, ports, references, registry, settings

BROKEN: Mutations = {
    "no namespace": (
        "cpu",
        lambda m: m.of("RoleBinding")[0]["metadata"].pop("namespace"),
        references.namespaces,
    ),
    "a label": (
        "cpu",
        lambda m: deployment(m)["template"]["metadata"]["labels"].pop("app.kubernetes.io/name"),
        references.selectors,
    ),
    "a budget for nobody": (
        "cpu",
        lambda m: m.of("PodDisruptionBudget")[0]["spec"]["selector"].update(
            matchLabels={"app": "chorus"}
        ),
        references.selectors,
    ),
    "a mount of nothing": (
        "cpu",
        lambda m: gateway(m)["volumeMounts"].append({"name": "x", "mountPath": "/x"}),
        references.volumes,
    ),
    "settings of another hash": (
        "cpu",
        lambda m: gateway(m)["envFrom"][0]["configMapRef"].update(name="chorus-gateway-0000000000"),
        references.settings,
    ),
    "a Secret that nobody makes": (
        "base+keys",
        lambda m: gateway(m)["env"][0]["valueFrom"]["secretKeyRef"].update(name="keys"),
        references.settings,
    ),
    "scales another": (
        "cpu",
        lambda m: m.of("HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"].update(name="x"),
        references.targets,
    ),
    "a route to nowhere": (
        "base+gateway-api",
        lambda m: m.of("HTTPRoute")[0]["spec"]["rules"][0]["backendRefs"][0].update(port=80),
        references.targets,
    ),
    "a probe of another port": (
        "cpu",
        lambda m: runtime(m)["readinessProbe"]["httpGet"].update(port="gateway"),
        ports.probes,
    ),
    "a probe of another path": (
        "cpu",
        lambda m: gateway(m)["readinessProbe"]["httpGet"].update(path="/ready"),
        ports.probes,
    ),
    "no probe": ("cpu", lambda m: runtime(m).pop("startupProbe"), ports.probes),
    "a Service of another port": (
        "cpu",
        lambda m: m.one("Service", "chorus")["spec"]["ports"][0].update(targetPort=9000),
        ports.services,
    ),
    "a sidecar's port by name": (
        "cpu",
        lambda m: m.one("Service", "chorus-v2")["spec"]["ports"][0].update(targetPort="http"),
        ports.services,
    ),
    "a policy by name": (
        "cpu",
        lambda m: policy(m, "chorus")["ingress"][1].update(ports=[{"port": "http"}]),
        ports.policies,
    ),
    "no default": ("cpu", lambda m: drop(m, "NetworkPolicy"), network.denied),
    "a default for some": (
        "cpu",
        lambda m: policy(m, "default-deny").update(policyTypes=["Ingress"]),
        network.denied,
    ),
    "an open door": (
        "cpu",
        lambda m: policy(m, "chorus-hub")["egress"][0]["to"][0]["ipBlock"].pop("except"),
        network.addresses,
    ),
    "metadata": (
        "cpu",
        lambda m: policy(m, "chorus")["egress"][2]["to"][0]["ipBlock"].update(
            cidr="169.254.169.254/32"
        ),
        network.addresses,
    ),
    "any port": (
        "cpu",
        lambda m: policy(m, "chorus-hub")["egress"][0].pop("ports"),
        network.addresses,
    ),
    "a door to another namespace": (
        "base+mlflow",
        lambda m: data(m, "chorus-runtime").update(MLFLOW_TRACKING_URI="http://a.models.svc:5000"),
        network.reached,
    ),
    "a door at another port": (
        "base+tracing",
        lambda m: policy(m, "chorus-traces")["egress"][0]["ports"][0].update(port=4318),
        network.reached,
    ),
    "misspelt": (
        "cpu",
        lambda m: data(m, "chorus-gateway").update(CHORUS_WORKER="1"),
        settings.known,
    ),
    "of the other server": (
        "cpu",
        lambda m: data(m, "chorus-gateway").update(CHORUS_WEIGHTS="hub"),
        settings.known,
    ),
    "no number": (
        "cpu",
        lambda m: data(m, "chorus-runtime").update(CHORUS_DRAIN_DELAY="2s"),
        settings.accepted,
    ),
    "guessed workers": (
        "cpu",
        lambda m: data(m, "chorus-gateway").pop("CHORUS_WORKERS"),
        settings.explicit,
    ),
    "bounds above the memory": (
        "cpu",
        lambda m: data(m, "chorus-gateway").update(CHORUS_WORKERS="4"),
        settings.memory,
    ),
    "a model that is not served": (
        "cpu",
        lambda m: data(m, "chorus-gateway").update(CHORUS_MODELS="process"),
        settings.models,
    ),
    "a model that there is not": (
        "cpu",
        lambda m: (
            runtime(m)["args"].__setitem__(2, "--models=topics"),
            data(m, "chorus-gateway").update(CHORUS_MODELS="topics"),
        ),
        settings.models,
    ),
    "a model that nobody mounts": (
        "base+mlflow",
        lambda m: data(m, "chorus-mlflow-models").update({"topics.json": '{"name": "ideas"}'}),
        settings.models,
    ),
    "no registry": (
        "base+mlflow",
        lambda m: data(m, "chorus-runtime").pop("MLFLOW_TRACKING_URI"),
        registry.registry,
    ),
    "a cache on the root": (
        "base+mlflow",
        lambda m: data(m, "chorus-runtime").update(CHORUS_MLFLOW_CACHE="/var/mlflow"),
        registry.registry,
    ),
    "fetched for too long": (
        "base+mlflow",
        lambda m: data(m, "chorus-runtime").pop("CHORUS_MLFLOW_TIMEOUT"),
        registry.registry,
    ),
    "a password in plain sight": (
        "base+mlflow",
        lambda m: data(m, "chorus-runtime").update(MLFLOW_TRACKING_TOKEN="open"),
        registry.registry,
    ),
    "may ask the hub": (
        "cpu",
        lambda m: data(m, "chorus-runtime").pop("HF_HUB_OFFLINE"),
        settings.weights,
    ),
    "fetched elsewhere": (
        "cpu",
        lambda m: pod(m)["initContainers"][0]["env"][1].update(value="/scratch"),
        settings.weights,
    ),
    "weights that may change": (
        "cpu",
        lambda m: runtime(m)["volumeMounts"].clear(),
        settings.weights,
    ),
}
