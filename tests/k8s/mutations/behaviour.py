"""Starts, stops and autoscaling."""

from tests.k8s.mutations.parts import (
    Mutations,
    data,
    deployment,
    gateway,
    pod,
    reverse_init,
    scaled,
)
from tests.k8s.rules import scaling, timing

BROKEN: Mutations = {
    "too little grace": (
        "cpu",
        lambda m: pod(m).update(terminationGracePeriodSeconds=60),
        timing.grace,
    ),
    "a longer drain": (
        "cpu",
        lambda m: data(m, "chorus-gateway").update(CHORUS_DRAIN_TIMEOUT="90"),
        timing.grace,
    ),
    "grace of KServe": (
        "kserve",
        lambda m: m.of("InferenceService")[0]["spec"]["predictor"].pop(
            "terminationGracePeriodSeconds"
        ),
        timing.grace,
    ),
    "weights after the server": ("cpu", reverse_init, timing.order),
    "the server leaves first": (
        "kserve",
        lambda m: m.one("ServingRuntime", "chorus-classifiers")["spec"]["containers"][0].pop(
            "lifecycle"
        ),
        timing.order,
    ),
    "no time for balancers": ("cpu", lambda m: gateway(m).pop("lifecycle"), timing.drains),
    "unready too late": (
        "cpu",
        lambda m: data(m, "chorus-gateway").update(CHORUS_DRAIN_DELAY="0"),
        timing.drains,
    ),
    "given up too early": (
        "cpu",
        lambda m: deployment(m).update(progressDeadlineSeconds=600),
        timing.starts,
    ),
    "an impatient probe": (
        "cpu",
        lambda m: gateway(m)["readinessProbe"].update(timeoutSeconds=1),
        timing.starts,
    ),
    "two autoscalers": (
        "gpu",
        lambda m: m.items.append(dict(m.of("ScaledObject")[0])),
        scaling.owners,
    ),
    "replicas and an autoscaler": (
        "cpu",
        lambda m: deployment(m).update(replicas=3),
        scaling.owners,
    ),
    "no data is no load": (
        "gpu",
        lambda m: scaled(m)["triggers"][0]["metadata"].pop("ignoreNullValues"),
        scaling.signals,
    ),
    "no fallback": ("gpu", lambda m: scaled(m).pop("fallback"), scaling.signals),
    "fewer while it rolls": (
        "cpu",
        lambda m: deployment(m)["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        scaling.availability,
    ),
}
