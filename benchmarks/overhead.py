"""What serving itself costs: the same comparison on models so small that they hardly count.

64 clients show the cost of a text under load, one client (p50) the cost on its way; the peer `null`
is the gateway before constant answers, and is never ranked.
"""

from __future__ import annotations

import argparse

from benchmarks import compare

run = compare.run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a comparison, with the shipped stand-ins and short texts by default."""
    compare.add_arguments(parser)
    parser.set_defaults(
        weights="standin",
        texts="short",
        count=1000,
        clients=[64, 1],
        seconds=10.0,
        timeout=10.0,
        peers=["chorus", "stock", "null"],
    )
