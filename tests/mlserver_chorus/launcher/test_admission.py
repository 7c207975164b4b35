"""What is closed to whom, by the keys there are and by where the server listens."""

from __future__ import annotations

from typing import Literal

import pytest

from chorus_http.access.keys import KeyRing
from mlserver_chorus.launcher.admission import EXPOSED, OFF, Admission, listens_to_the_network
from mlserver_chorus.settings import RuntimeSettings

LOOPBACK, NETWORK = "127.0.0.1", "0.0.0.0"
KEYS = KeyRing.read("a-key-of-a-good-length")
NONE = KeyRing.read()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert not listens_to_the_network(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.2", "fe80::1", "myhost", "localhost.lan", ""]
)
def test_all_else_is_the_network(host: str) -> None:
    assert listens_to_the_network(host)


@pytest.mark.parametrize(
    ("asked", "keys", "host", "reason"),
    [
        ("auto", NONE, LOOPBACK, None),
        ("auto", NONE, NETWORK, EXPOSED),
        ("auto", KEYS, NETWORK, None),
        ("open", NONE, NETWORK, None),
        ("open", KEYS, NETWORK, None),
        ("off", NONE, LOOPBACK, OFF),
        ("off", KEYS, LOOPBACK, OFF),
    ],
)
def test_who_may_load_models(
    asked: Literal["auto", "open", "off"], keys: KeyRing, host: str, reason: str | None
) -> None:
    ours = RuntimeSettings(repository_api=asked)
    assert Admission.of(keys, ours, host, "/metrics").repository_closed == reason


@pytest.mark.parametrize("host", [LOOPBACK, NETWORK])
def test_with_keys_every_port_asks_for_one(host: str) -> None:
    admission = Admission.of(KEYS, RuntimeSettings(), host, "/metrics")
    assert all((admission.rest, admission.grpc, admission.metrics))
    assert not admission.exposed


def test_without_keys_only_the_network_is_exposed_to() -> None:
    assert not Admission.of(NONE, RuntimeSettings(), LOOPBACK, None).exposed
    admission = Admission.of(NONE, RuntimeSettings(), NETWORK, None)
    assert admission.exposed
    assert not any((admission.rest, admission.grpc, admission.metrics))
