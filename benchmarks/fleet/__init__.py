"""From the throughput of one node to a fleet: the arithmetic of docs/scaling.md."""
