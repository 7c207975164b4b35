"""Every number that docs/scaling.md starts from, with where it is from; all others follow."""

# ruff: noqa: E501 (it is a table)
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Kind(StrEnum):
    """How far a number can be trusted."""

    MEASURED = "measured"
    COMPUTED = "computed"
    DOCUMENTED = "documented"
    SETTING = "setting"
    PRICE = "list price, to confirm"
    ASSUMED = "**assumed**"


@dataclass(frozen=True)
class Number:
    """A number, its unit, how far it can be trusted, and where it is from."""

    number: float
    unit: str
    kind: Kind
    source: str


OVERHEAD = "benchmarks/RESULTS.md, overhead, 2026-11-21, commit 8cea8ac"
PEERS = "benchmarks/RESULTS.md, peers, real size, 2026-11-21, commit e33b149"
PROBE = "`chorus serve` on the same 2 cores, 2026-11-21, commit b0d3cc2"
SHARED = f"{PROBE}; the cores did other work too"


# fmt: off
class Given(Enum):
    """The inputs; a row of the table in docs/scaling.md each."""

    WANTED = Number(1_000_000, "requests/s", Kind.ASSUMED, "the question")
    MODELS = Number(5, "model calls per request", Kind.SETTING, "`POST /process` asks all five classifiers")
    UTILISATION = Number(0.65, "of a node's throughput", Kind.SETTING, "what scale lag allows, below")
    ZONES = Number(3, "zones, one of which may be lost", Kind.ASSUMED, "usual regions")
    CELL_NODES = Number(1_000, "nodes per cell", Kind.SETTING, "a fifth of what one cluster may hold")

    STANDIN_RATE = Number(2_388, "requests/s", Kind.MEASURED, f"{OVERHEAD}: 64 clients, stand-ins, short texts, 2 cores with the load generator on them")
    STANDIN_CLIENTS = Number(64, "requests in flight", Kind.MEASURED, OVERHEAD)
    STANDIN_16 = Number(1_321, "requests/s of 16 clients, stand-ins", Kind.MEASURED, "benchmarks/RESULTS.md, scaling, 2026-11-21, commit ff110ac")
    STANDIN_ALONE = Number(296, "requests/s of one client, stand-ins", Kind.MEASURED, OVERHEAD)
    REAL_RATE = Number(3.2, "requests/s", Kind.MEASURED, f"{PEERS}: 10 clients, random weights of the real sizes, challenge texts, 2 cores")
    REAL_SECONDS = Number(2.987, "s in the system", Kind.MEASURED, f"{PEERS}: p50 of 10 clients")
    REAL_ALONE = Number(0.433, "s of one client alone, real size", Kind.MEASURED, "benchmarks/RESULTS.md, what was to be reached, 2026-11-21")
    TOKENS = Number(100, "tokens per text", Kind.ASSUMED, "RESULTS.md: challenge texts are of about 104")
    T4_FLOPS = Number(4.0e12, "FLOP/s, fp32, sustained by a T4", Kind.COMPUTED, "FasterTransformer's published 44.30 ms for 32 texts of 32 tokens, base size: 3.96e12; nobody measured Chorus there")
    T4_SECONDS = Number(0.25, "s in the system on a T4", Kind.COMPUTED, "ten requests in flight: 0.21 to 0.28 s; not measured")
    T4_GAIN = Number(3, "times the rate of one client, a full T4", Kind.ASSUMED, "matrix products of 1,000 rows for those of 100: 2 to 4 times; not measured")
    H100_FLOPS = Number(3.0e13, "FLOP/s, fp32, sustained by an H100", Kind.ASSUMED, "published cuBLAS SGEMM: 2.2e13 at 2048, 4.6e13 at 4096 cubed; nobody measured Chorus there")
    H100_SECONDS = Number(0.1, "s in the system on an H100", Kind.ASSUMED, "not measured")

    CPU_PRICE = Number(0.096, "$/h, m6i.large, 2 vCPU", Kind.PRICE, "on demand, us-east-1; the measured machine is alike, not the same")
    T4_PRICE = Number(0.752, "$/h, g4dn.2xlarge, one T4", Kind.PRICE, "on demand, us-east-1")
    H100_PRICE = Number(6.88, "$/h, an eighth of p5.48xlarge", Kind.PRICE, "on demand, us-east-1")

    BODY_BYTES = Number(291, "bytes of a request's body", Kind.COMPUTED, "mean of 3,000 challenge texts as JSON (`benchmarks.texts`)")
    REQUEST_HEAD_BYTES = Number(140, "bytes of a request's head", Kind.MEASURED, f"curl's; {PROBE}")
    ANSWER_BYTES = Number(535, "bytes of an answer, head included", Kind.MEASURED, f"mean of 200 challenge texts; {PROBE}")
    FRAME_BYTES = Number(120, "bytes of TCP/IP per direction", Kind.ASSUMED, "two frames: data and acknowledgement; no TLS")
    KEEP_SECONDS = Number(65, "s until an idle connection is closed", Kind.SETTING, "fixed; docs/reliability.md")
    NULL_RATE = Number(12_819, "requests/s through the gateway", Kind.MEASURED, f"{OVERHEAD}: `null`, constant answers, 64 clients; both cores busy, with generator and answerer")
    CORES = Number(2, "cores", Kind.MEASURED, OVERHEAD)
    REFUSAL_MICROSECONDS = Number(115, "µs of CPU per refusal", Kind.MEASURED, "docs/experiments.md, 2026-11-21, what a refusal costs")
    WAITING_TEXTS = Number(256, "texts may always wait", Kind.SETTING, "`CHORUS_MAX_WAITING_TEXTS`")

    SCRAPE = Number(15, "s between scrapes", Kind.SETTING, "k8s/components/monitoring")
    POLL = Number(10, "s, KEDA's pollingInterval", Kind.SETTING, "k8s/components/keda")
    HPA_SYNC = Number(15, "s between decisions of the HPA", Kind.DOCUMENTED, "Kubernetes, `--horizontal-pod-autoscaler-sync-period`")
    NODE_FAST = Number(60, "s until a new node is ready, at best", Kind.ASSUMED, "GPU nodes of a cloud")
    NODE_SLOW = Number(120, "s until a new node is ready, at worst", Kind.ASSUMED, "GPU nodes of a cloud, while there are any")
    IMAGE_GB = Number(4.0, "GB of runtime image, compressed", Kind.ASSUMED, "torch with CUDA; without it a tenth")
    WEIGHTS_GB = Number(4.95, "GB of weights, fp32", Kind.COMPUTED, "parameters of the five models, 4 bytes each")
    NODE_GBIT = Number(5, "Gbit/s into a node", Kind.ASSUMED, "sustained; registry and model store keep up")
    REGISTRY_GBIT = Number(100, "Gbit/s out of a cell's registry", Kind.ASSUMED, "a mirror in the cell")
    UNPACK_GB_S = Number(0.15, "GB/s of image unpacked", Kind.ASSUMED, "one gzip stream")
    HASH_GB_S = Number(1.6, "GB/s hashed (SHA-256)", Kind.MEASURED, "Python's hashlib on one of the same cores, 2026-11-21; the cores did other work too")
    START_STANDIN = Number(9.0, "s from start to ready, stand-ins", Kind.MEASURED, SHARED)
    START_REAL = Number(76, "s from start to ready, real size", Kind.MEASURED, f"{SHARED}; random weights of the real sizes, not on a GPU")
    START_FAST = Number(30, "s from start to ready on a GPU node, at best", Kind.ASSUMED, "not measured")
    READY = Number(15, "s of probes and minReadySeconds", Kind.SETTING, "k8s/base: 5 + 2 x 2 + 5, rounded up")
    STOP = Number(10, "s to drain and stop", Kind.SETTING, "k8s/base: preStop 5, drain delays 2 + 2, and what is in flight")

    MAX_REPLICAS = Number(200, "pods, KEDA's maxReplicaCount", Kind.SETTING, "k8s/components/keda")
    CLUSTER_NODES = Number(5_000, "nodes per cluster", Kind.DOCUMENTED, "Kubernetes, considerations for large clusters")
    CLUSTER_PODS = Number(150_000, "pods per cluster", Kind.DOCUMENTED, "the same")
    CLUSTER_CONTAINERS = Number(300_000, "containers per cluster", Kind.DOCUMENTED, "the same")
    NODE_PODS = Number(110, "pods per node", Kind.DOCUMENTED, "the same")
    SYSTEM_PODS = Number(6, "pods of the system per node", Kind.ASSUMED, "network, proxy, device plugin, metrics, logs, storage; a container each")
    POD_CONTAINERS = Number(2, "containers per pod of ours", Kind.SETTING, "k8s/base: gateway and runtime")
    SLICE_ENDPOINTS = Number(100, "endpoints per EndpointSlice", Kind.DOCUMENTED, "Kubernetes, `--max-endpoints-per-slice`")
    ENDPOINT_BYTES = Number(300, "bytes per endpoint", Kind.ASSUMED, "of an EndpointSlice in protobuf")

    SERIES = Number(464, "series per pod", Kind.MEASURED, "gateway 108, runtime 356: `chorus serve` of the five and `process`, after 200 `/process`, 2026-11-21, after commit b0d3cc2")
    SERIES_BYTES = Number(8_192, "bytes of memory per series", Kind.ASSUMED, "Prometheus, churn included")
    SAMPLE_BYTES = Number(2, "bytes per sample on disk", Kind.DOCUMENTED, "Prometheus, storage: 1 to 2")
    RETENTION_DAYS = Number(15, "days kept", Kind.DOCUMENTED, "Prometheus's default")
    PROMETHEUS_SERIES = Number(5_000_000, "series in one Prometheus", Kind.ASSUMED, "at the bytes above, 41 GB of memory")
    ACCESS_LINE_BYTES = Number(283, "bytes of the gateway's access line", Kind.MEASURED, f"JSON; {PROBE}")
    CALL_LINE_BYTES = Number(324, "bytes of the runtime's line per call", Kind.MEASURED, f"JSON; {PROBE}")
    WORKERS = Number(1, "gateway workers per pod", Kind.SETTING, "k8s/base, `CHORUS_WORKERS`")
    NAMESPACES = Number(1, "namespaces followed", Kind.SETTING, "`CHORUS_DISCOVERY_NAMESPACES` adds more")
    WATCH_SECONDS = Number(275, "s until a watch is renewed, mean", Kind.SETTING, "the follower: 290 s, 0.9 to 1 of it")
    BACK_OFF = Number(30, "s of back-off at most, jittered", Kind.SETTING, "the follower")
    EDGE_RATE = Number(20_000, "requests/s per core of an edge proxy", Kind.ASSUMED, "HTTP/1.1, no TLS")

    @property
    def number(self) -> float:
        """The bare number."""
        return self.value.number
# fmt: on
