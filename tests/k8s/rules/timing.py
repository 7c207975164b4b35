"""How long a start and a stop may take, by the manifest's own numbers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.k8s.manifests import Container, Manifests, Pod

from chorus_gateway.settings import Settings

RESERVE = 10.0  # seconds for the kubelet itself, and for a slow last answer
LAST = 2.0  # seconds, of either server, for its last 503 to reach their callers
DEFAULT_GRACE = 30.0  # Kubernetes' own
GRPC_DELAY = 2.0  # clients of gRPC move in time from here on


def grace(manifests: Manifests) -> Iterator[str]:
    """Whatever is in flight has its time before the kubelet kills."""
    for pod in manifests.pods:
        longest = _longest_stop(manifests, pod) + RESERVE
        given = _grace(manifests, pod)
        if given < longest:
            yield f"{pod.name}: {given:g} s of grace, and a stop may take {longest:g} s"


def _longest_stop(manifests: Manifests, pod: Pod) -> float:
    """Sidecars are told to stop when the others are gone; containers all at once."""
    stay = [container for container in pod.containers if container.stays]
    main = [_stop(manifests, container) for container in stay if not container.is_init]
    return max(main) + sum(_stop(manifests, container) for container in stay if container.is_init)


def _stop(manifests: Manifests, container: Container) -> float:
    return _pre_stop(container) + _drain(manifests, container)


def _pre_stop(container: Container) -> float:
    hook = container.spec.get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
    return float(hook["sleep"]["seconds"])


def _drain(manifests: Manifests, container: Container) -> float:
    environment = container.environment(manifests)
    names = ("CHORUS_DRAIN_DELAY", "CHORUS_DRAIN_TIMEOUT")
    if not set(names) <= set(environment):
        return LAST  # no server of ours
    return sum(float(environment[name] or 0) for name in names) + LAST


def _grace(manifests: Manifests, pod: Pod) -> float:
    specs = [pod.spec]
    if pod.owner["kind"] == "ServingRuntime":
        users = manifests.using(pod.owner["metadata"]["name"])
        specs = [one["spec"]["predictor"] for one in users]
    given = [float(one.get("terminationGracePeriodSeconds", DEFAULT_GRACE)) for one in specs]
    return min(given, default=DEFAULT_GRACE)


def order(manifests: Manifests) -> Iterator[str]:
    """The model server outlives the gateway beside it, and is up before it."""
    for pod in manifests.pods:
        runtime, gateway = pod.container("mlserver_chorus.server"), pod.container("chorus_gateway")
        if not (runtime and gateway):
            continue
        if runtime.is_init:
            names = [container.program for container in pod.containers]
            if "chorus" in names and names.index("chorus") > names.index(runtime.program):
                yield f"{pod.name}: the model server is started before its weights are there"
        elif _pre_stop(runtime) < _stop(manifests, gateway):
            yield f"{pod.name}: the model server stops before the gateway has drained"


def drains(manifests: Manifests) -> Iterator[str]:
    """Balancers hear first, then unreadiness is seen, then what is in flight has its time."""
    upstream_timeout = Settings.model_fields["upstream_timeout"].default
    for pod in manifests.pods:
        if gateway := pod.container("chorus_gateway"):
            environment = gateway.environment(manifests)
            if not _pre_stop(gateway):
                yield f"{gateway.name} stops before balancers have heard"
            if float(environment["CHORUS_DRAIN_DELAY"] or 0) <= 0:
                yield f"{gateway.name} closes its port before it is unready"
            if float(environment["CHORUS_DRAIN_TIMEOUT"] or 0) <= upstream_timeout:
                yield f"{gateway.name} drains for less than a call may take"
        runtime = pod.container("mlserver_chorus.server")
        if (
            runtime
            and float(runtime.environment(manifests)["CHORUS_DRAIN_DELAY"] or 0) < GRPC_DELAY
        ):
            yield f"{runtime.name}: clients of gRPC take {GRPC_DELAY:g} s to move"


def starts(manifests: Manifests) -> Iterator[str]:
    """A rollout is not given up while a start is in its time, and a probe outlasts what it asks."""
    probe_timeout = Settings.model_fields["probe_timeout"].default
    for item in manifests.of("Deployment"):
        budget = float(item["spec"].get("minReadySeconds", 0))
        for container in Manifests([item]).containers:
            probe = container.spec.get("startupProbe")
            budget += probe["periodSeconds"] * probe["failureThreshold"] if probe else 0
        if item["spec"].get("progressDeadlineSeconds", 600) <= budget:
            yield f"Deployment {item['metadata']['name']}: a start may take {budget:g} s"
    for container in manifests.containers:
        readiness = container.spec.get("readinessProbe", {})
        if container.program == "chorus_gateway" and readiness["timeoutSeconds"] <= probe_timeout:
            yield f"{container.name}: /readyz itself waits {probe_timeout:g} s for a model server"
