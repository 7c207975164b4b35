from __future__ import annotations

from ipaddress import ip_network

import pytest

from chorus_gateway.outbound.networks import (
    METADATA,
    NOT_PUBLIC,
    AddressRefused,
    AddressRule,
    Network,
    parse_networks,
)

PUBLIC = ["8.8.8.8", "2606:4700::1111", "2a00:1450::1", "1.1.1.1", "168.63.129.15", "223.255.255.1"]
INTERNAL = """
127.0.0.1 0.0.0.0 10.0.0.1 100.100.100.200 169.254.169.254 168.63.129.16 192.0.0.192 198.18.0.1
224.0.0.1 255.255.255.255 172.16.0.1 192.168.1.1 203.0.113.1
::1 :: fe80::1 fe80::1%eth0 fd00:ec2::254 fec0::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254
::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1 2002:7f00:1:: 2001::1
::127.0.0.1 ff02::1 100::1 2001:db8::1 3fff::1 5f00::1 fc00::1
"""
CLOUDS = """
169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 fe80::1 fe80::1%eth0
fd00:ec2::254 fd00:ec2::23 fd20:ce::254 ::ffff:169.254.169.254 ::169.254.169.254
::ffff:0:169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1 2002:a9fe:a9fe::
::ffff:168.63.129.16
"""

# The networks that the project's rules name, which the shorter list above covers.
RULES = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
224.0.0.0/4 240.0.0.0/4 168.63.129.16/32 ::/96 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48
100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10
ff00::/8
"""


def refuses(rule: AddressRule, address: str) -> bool:
    try:
        rule.require(address)
    except AddressRefused:
        return True
    return False


def covers(wide: Network, narrow: str) -> bool:
    inner = ip_network(narrow)
    return wide.version == inner.version and inner.subnet_of(wide)  # type: ignore[arg-type]


@pytest.mark.parametrize("network", RULES.split())
def test_the_list_covers_every_network_of_the_rules(network: str) -> None:
    assert any(covers(refused, network) for refused in NOT_PUBLIC)


@pytest.mark.parametrize("address", INTERNAL.split())
def test_servers_that_callers_choose_are_on_the_internet(address: str) -> None:
    assert refuses(AddressRule(NOT_PUBLIC), address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet(address: str) -> None:
    assert not refuses(AddressRule(NOT_PUBLIC), address)
    assert not refuses(AddressRule(METADATA), address)


@pytest.mark.parametrize("address", CLOUDS.split())
def test_metadata_is_nobodys(address: str) -> None:
    assert refuses(AddressRule(METADATA), address)
    assert refuses(AddressRule(NOT_PUBLIC), address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "192.168.0.1", "::1", "fd00::1", "64:ff9b::808:808"]
)
def test_servers_that_the_operator_chose_may_be_inside(address: str) -> None:
    assert not refuses(AddressRule(METADATA), address)


@pytest.mark.parametrize("text", ["", "a.example", "127.1", "1.2.3.4/32", "0x7f.0.0.1"])
def test_what_is_no_address(text: str) -> None:
    assert refuses(AddressRule(()), text)


def test_an_operator_opens_networks() -> None:
    networks = parse_networks(["10.1.0.0/16", "fd00::/8", "169.254.169.254/32"])
    for rule in (AddressRule(NOT_PUBLIC, networks), AddressRule(METADATA, networks)):
        for address in ("10.1.2.3", "fd00:1::1", "169.254.169.254", "fd00:ec2::254"):
            assert not refuses(rule, address)
        for address in ("169.254.169.253", "::ffff:169.254.169.253", "fe80::1"):
            assert refuses(rule, address)
    assert refuses(AddressRule(NOT_PUBLIC, networks), "10.2.0.1")


def test_who_opens_nat64_opens_no_address_behind_it() -> None:
    rule = AddressRule(NOT_PUBLIC, parse_networks(["64:ff9b::/96"]))
    assert not refuses(rule, "64:ff9b::808:808")
    for address in ("64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a00:1", "::ffff:8.8.8.8"):
        assert refuses(rule, address)


def test_the_log_is_told_the_network() -> None:
    with pytest.raises(AddressRefused, match=r"in 10\.0\.0\.0/8"):
        AddressRule(NOT_PUBLIC).require("10.0.0.1")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "a.example", "", "10/8"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network; write it as"):
        parse_networks([text])
