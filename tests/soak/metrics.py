"""How many series the metrics pages hold: a name that callers make up must not become a label."""

from __future__ import annotations

from tests.soak.target import HOST, Target


async def series_of(target: Target) -> dict[str, int]:
    """Lines with a value, by the page's server."""
    ports = {"gateway": target.ports.gateway, "runtime": target.ports.metrics}
    return {name: await _series(target, port) for name, port in ports.items()}


async def _series(target: Target, port: int) -> int:
    async with target.session.get(f"http://{HOST}:{port}/metrics") as reply:
        reply.raise_for_status()
        lines = (await reply.text()).splitlines()
    return sum(bool(line) and not line.startswith("#") for line in lines)
