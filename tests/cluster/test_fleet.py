"""Three pods behind one address, under load: how much they answer, one killed, all replaced.

The load comes from this machine, by the clock, through a Service whose rules are kube-proxy's. What
a cluster's controllers would do to its endpoints, the tests do, at the moments at which they would.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.cluster.load import Load
from tests.cluster.metrics import total
from tests.cluster.node import Node
from tests.cluster.pods import Pod
from tests.cluster.service import Service

pytestmark = pytest.mark.cluster

REPLICAS = 3
PHRASES = (
    "I love this movie",
    "Guten Morgen, wie geht es dir heute?",
    "Win free bitcoin now, send your keys",
    "La réunion est à trois heures",
    "You are the worst of them all",
    "Scientists say that the moon is made of cheese",
)
TEXTS = [f"{PHRASES[number % len(PHRASES)]} {number}" for number in range(60)]
CLIENTS = 32
SECONDS = 8.0
"""Of each measurement, and of load before and after each event."""
LEAST_PER_SECOND, MOST_PER_SECOND = 20.0, 100.0
"""Of the load: so many that a killed pod is missed, and no more than a bounded number."""
SHARE = 0.25
"""Of what one pod answers: pods that start need the same cores."""
NOTICE_SECONDS = 1.0
"""A kubelet looks once a second for containers that have ended."""


class Fleet:
    """Pods that are up, behind a Service."""

    def __init__(self, node: Node) -> None:
        self._node = node
        with ThreadPoolExecutor(REPLICAS) as starting:
            self.pods = list(starting.map(Pod.start, [node.pod("chorus") for _ in range(REPLICAS)]))
        self.expected = {text: ask(self.pods[0], text) for text in TEXTS}

    @contextmanager
    def behind(self, port: int) -> Iterator[None]:
        """All of them behind a Service of this port.

        Each test has its own: of a pod that is gone, the kernel keeps the connections that nobody
        has ended, and one from the same port to the same Service would be sent there, too.
        """
        address = str(self._node.network.service_address)
        with Service(address, port, target=8000) as self.service:
            self.serve(REPLICAS)
            yield

    def serve(self, replicas: int) -> None:
        """So many of its pods are behind the Service."""
        self.service.endpoints = [pod.address for pod in self.pods[:replicas]]

    def add(self) -> None:
        """One more pod, behind the Service when it is ready."""
        pod = self._node.pod("chorus").start()
        self.pods = [*self.pods, pod]
        self.service.join(pod.address)

    def answered(self) -> dict[str, float]:
        """Requests of each pod so far."""
        return {pod.name: answered(pod) for pod in self.pods}


def ask(pod: Pod, text: str) -> Any:
    """The answer to one text alone."""
    url = f"{pod.url('gateway', 'gateway')}/process"
    return httpx.post(url, json=text, timeout=60, trust_env=False).raise_for_status().json()


def answered(pod: Pod) -> float:
    """Its good answers to /process."""
    url = pod.url("gateway", "gateway")
    return total(url, "chorus_gateway_requests_total", route="/process", status="200")


@pytest.fixture(scope="module")
def fleet(node: Node) -> Iterator[Fleet]:
    fleet = Fleet(node)
    yield fleet
    for pod in fleet.pods:
        pod.remove()


@pytest.fixture(scope="module")
def per_second(fleet: Fleet) -> float:
    """The rate of the load: a share of what one pod answers here."""
    with fleet.behind(8001):
        fleet.serve(1)
        capacity = asyncio.run(Load(fleet.service.url, fleet.expected).at_once(CLIENTS, SECONDS))
    return min(max(LEAST_PER_SECOND, SHARE * capacity), MOST_PER_SECOND)


def shares(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, int]:
    """Requests that each pod has answered in between."""
    return {name: int(count - before.get(name, 0)) for name, count in after.items()}


async def test_throughput_of_one_two_and_three(fleet: Fleet, say: Callable[[str], None]) -> None:
    """Printed, never asserted: on one machine they share its cores, with the load."""
    with fleet.behind(8002):
        figures = []
        for replicas in range(1, REPLICAS + 1):
            fleet.serve(replicas)
            before = fleet.answered()
            load = Load(fleet.service.url, fleet.expected)
            rate = await load.at_once(CLIENTS, SECONDS)
            assert not load.tally.failed
            assert not load.tally.wrong
            busy = [count for count in shares(before, fleet.answered()).values() if count]
            assert len(busy) == replicas
            figures.append(f"{replicas}: {rate:.0f}/s")
        say(
            f"/process, {CLIENTS} clients, replicas on the same {os.cpu_count()} cores as the "
            f"load, where they cannot scale: {', '.join(figures)}"
        )


async def test_one_is_killed(fleet: Fleet, per_second: float, say: Callable[[str], None]) -> None:
    """Its callers try once more, after 2 s; nobody else sees anything. Another takes its place."""
    with fleet.behind(8003):
        victim, *others = fleet.pods
        load = Load(fleet.service.url, fleet.expected, tries=2)
        async with load.at_a_rate(per_second) as tally:
            await asyncio.sleep(SECONDS)
            await asyncio.to_thread(victim.kill)
            await asyncio.sleep(NOTICE_SECONDS)
            fleet.service.leave(victim.address)
            fleet.pods = others
            before = fleet.answered()
            await asyncio.sleep(SECONDS)
            taken = shares(before, fleet.answered())
            await asyncio.to_thread(fleet.add)
            await asyncio.sleep(SECONDS)
        say(f"one of three killed at {per_second:.0f}/s: {tally}; retried {dict(tally.retried)}")
        assert not tally.failed
        assert not tally.wrong
        assert tally.retried.total() > 0
        assert all(taken.values())
        assert all(fleet.answered().values())


async def test_all_are_replaced(
    fleet: Fleet, per_second: float, say: Callable[[str], None]
) -> None:
    """One more, then one less, three times, as the Deployment says; no request is sent twice."""
    with fleet.behind(8004):
        load = Load(fleet.service.url, fleet.expected)
        async with load.at_a_rate(per_second) as tally:
            for old in tuple(fleet.pods):
                await asyncio.to_thread(fleet.add)
                await asyncio.sleep(SECONDS)
                fleet.service.leave(old.address)
                fleet.pods = [pod for pod in fleet.pods if pod is not old]
                ended = await asyncio.to_thread(old.stop)
                assert not [one for one in ended if one.code], old.log
                old.remove()
            await asyncio.sleep(SECONDS)
        say(f"three of three replaced at {per_second:.0f}/s: {tally}; by pod {fleet.answered()}")
        assert not tally.failed
        assert not tally.wrong
        assert all(fleet.answered().values())
