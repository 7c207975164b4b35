"""The fields of other projects' resources that are used here, and of which form each is.

Written down from their definitions (KEDA 2.20, Gateway API 1.3, KServe 0.20, Seldon Core 2.10, the
Prometheus operator): a field that is not here is misspelt, or has to be looked up there first.
"""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
FLAG: Final[Schema] = {"type": "boolean"}
TEXTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
ANY: Final[Schema] = {}  # checked as a part of a Pod
DURATION: Final[Schema] = {"type": "string", "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"}


def fields(required: str = "", **known: Schema) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": known,
        "required": required.split(),
        "additionalProperties": False,
    }


def several(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


RULES = fields(
    stabilizationWindowSeconds={"type": "integer", "minimum": 0, "maximum": 3600},
    policies=several(
        fields(
            "type value periodSeconds",
            type=one_of("Percent", "Pods"),
            value={"type": "integer", "minimum": 1},
            periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800},
        )
    ),
)
SCALED_OBJECT = fields(
    "scaleTargetRef triggers",
    scaleTargetRef=fields("name", name=TEXT),
    pollingInterval=COUNT,
    minReplicaCount=COUNT,
    maxReplicaCount=COUNT,
    fallback=fields(
        "failureThreshold replicas",
        failureThreshold=COUNT,
        replicas=COUNT,
        behavior=one_of(
            "static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"
        ),
    ),
    advanced=fields(
        horizontalPodAutoscalerConfig=fields(behavior=fields(scaleUp=RULES, scaleDown=RULES))
    ),
    triggers=several(
        fields(
            "type metadata",
            type=one_of("prometheus"),
            metricType=one_of("AverageValue", "Value"),
            metadata=fields(
                "serverAddress query threshold",
                serverAddress=TEXT,
                query=TEXT,
                threshold=TEXT,
                ignoreNullValues=one_of("true", "false"),
            ),
        )
    ),
)

PARENTS = several(fields("name", name=TEXT, namespace=TEXT))
BACKENDS = several(fields("name port", name=TEXT, port=COUNT, weight=COUNT))
HTTP_ROUTE = fields(
    "parentRefs rules",
    parentRefs=PARENTS,
    rules=several(
        fields(
            "backendRefs",
            matches=several(
                fields(path=fields("value", type=one_of("Exact", "PathPrefix"), value=TEXT))
            ),
            timeouts=fields(request=DURATION, backendRequest=DURATION),
            backendRefs=BACKENDS,
        )
    ),
)
GRPC_ROUTE = fields(
    "parentRefs rules",
    parentRefs=PARENTS,
    rules=several(
        fields(
            "backendRefs",
            matches=several(fields(method=fields(type=one_of("Exact"), service=TEXT, method=TEXT))),
            backendRefs=BACKENDS,
        )
    ),
)

PROTOCOLS = one_of("v1", "v2", "grpc-v1", "grpc-v2")
SERVING_RUNTIME = fields(
    "containers",
    supportedModelFormats=several(
        fields("name", name=TEXT, version=TEXT, autoSelect=FLAG, priority=COUNT)
    ),
    protocolVersions=several(PROTOCOLS),
    labels=TEXTS,
    containers=several(ANY),
    volumes=several(ANY),
)
INFERENCE_SERVICE = fields(
    "predictor",
    predictor=fields(
        minReplicas=COUNT,
        maxReplicas=COUNT,
        terminationGracePeriodSeconds=COUNT,
        automountServiceAccountToken=FLAG,
        model=fields(
            "modelFormat",
            runtime=TEXT,
            modelFormat=fields("name", name=TEXT, version=TEXT),
            protocolVersion=PROTOCOLS,
            storageUri=TEXT,
        ),
        autoScaling=fields(
            metrics=several(
                fields(
                    "type",
                    type=one_of("Resource", "External", "PodMetric"),
                    external=fields(
                        "metric target",
                        metric=fields(
                            backend=one_of("prometheus", "graphite"), serverAddress=TEXT, query=TEXT
                        ),
                        target=fields(
                            type=one_of("Utilization", "Value", "AverageValue"), value=TEXT
                        ),
                    ),
                )
            )
        ),
    ),
)

SERVER = fields(
    "serverConfig",
    serverConfig=TEXT,
    capabilities=several(TEXT),
    replicas=COUNT,
    podSpec=ANY,
)
MODEL = fields(
    "storageUri",
    storageUri=TEXT,
    requirements=several(TEXT),
    memory={"type": "string", "pattern": r"^[0-9]+(Ki|Mi|Gi)$"},
    replicas=COUNT,
)

POD_MONITOR = fields(
    "selector podMetricsEndpoints",
    jobLabel=TEXT,
    selector=fields(matchLabels=TEXTS),
    podMetricsEndpoints=several(fields("port", port=TEXT, path=TEXT, interval=DURATION)),
)
PROMETHEUS_RULE = fields(
    groups=several(
        fields(
            "name rules",
            name=TEXT,
            interval=DURATION,
            rules=several(
                {
                    **fields(alert=TEXT, expr=TEXT, labels=TEXTS, annotations=TEXTS),
                    "patternProperties": {"^for$": DURATION},
                    "required": ["alert", "expr"],
                }
            ),
        )
    )
)

SPECS: Final[dict[tuple[str, str], Schema]] = {
    ("keda.sh/v1alpha1", "ScaledObject"): SCALED_OBJECT,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HTTP_ROUTE,
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): GRPC_ROUTE,
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): SERVING_RUNTIME,
    ("serving.kserve.io/v1beta1", "InferenceService"): INFERENCE_SERVICE,
    ("mlops.seldon.io/v1alpha1", "Server"): SERVER,
    ("mlops.seldon.io/v1alpha1", "Model"): MODEL,
    ("monitoring.coreos.com/v1", "PodMonitor"): POD_MONITOR,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PROMETHEUS_RULE,
}
