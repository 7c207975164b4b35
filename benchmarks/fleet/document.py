"""Documents with blocks that are computed: `<!-- fleet:NAME -->` … `<!-- /fleet:NAME -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from benchmarks.fleet import pace, size, traffic

BLOCK = re.compile(r"(<!-- fleet:(\w+) -->\n).*?(<!-- /fleet:\2 -->)", re.DOTALL)
BLOCKS: Mapping[str, Callable[[], str]] = {
    "inputs": size.inputs,
    "nodes": size.nodes,
    "summary": size.summary,
    "zones": traffic.zones,
    "limits": size.limits,
    "cells": size.cells,
    "breaks": size.breaks,
    "cold": pace.cold,
    "bounds": pace.bounds,
    "targets": pace.targets,
    "waiting": pace.waiting,
    "rollout": pace.rollout,
    "admission": pace.admission,
    "network": traffic.network,
    "gateway_cpu": traffic.gateway_cpu,
    "pulls": traffic.pulls,
    "metrics": traffic.metrics,
    "logs": traffic.logs,
    "watches": traffic.watches,
}


def filled(text: str) -> str:
    """The document with every block computed anew. Raises KeyError for a block nobody computes."""
    return BLOCK.sub(lambda block: f"{block[1]}{BLOCKS[block[2]]()}\n{block[3]}", text)


def prose(text: str) -> str:
    """The document without its computed blocks."""
    return BLOCK.sub("", text)
