"""All rules, in the order in which they are told of."""

from typing import Final

from tests.k8s.rules import (
    Rule,
    network,
    ports,
    references,
    registry,
    resources,
    scaling,
    security,
    settings,
    timing,
)

RULES: Final[list[Rule]] = [
    *(security.restricted, security.pods, security.namespaces, security.tokens, security.roles),
    *(resources.requests, resources.threads, resources.gpus, resources.images),
    *(references.selectors, references.namespaces, references.volumes),
    *(references.settings, references.targets),
    *(ports.probes, ports.services, ports.policies),
    *(timing.grace, timing.order, timing.drains, timing.starts),
    *(network.denied, network.addresses, network.reached),
    *(settings.known, settings.accepted, settings.explicit, settings.memory),
    *(settings.models, settings.weights, registry.registry),
    *(scaling.owners, scaling.signals, scaling.availability),
]
