"""Which addresses the gateway connects to when a caller has chosen the server.

Judged by lists of our own: `ipaddress.is_global` takes NAT64, 6to4 and cloud metadata for global.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks in CIDR notation. Raises ValueError."""
    return tuple(map(_network, texts))


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a network; write it as 10.0.0.0/8") from None


# RFC 6890 and the IANA registries of special-purpose addresses that it started. Of IPv6, 2000::/3
# alone is the internet: NAT64, unique-local, link-local and multicast addresses are outside of it.
NOT_PUBLIC: Final = parse_networks(
    [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # metadata of Azure, in the midst of public addresses
        *("::/3", "4000::/2", "8000::/1"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    ]
)

# Link-local addresses and those at which clouds hand out their credentials.
METADATA: Final = parse_networks(
    [
        *("169.254.0.0/16", "fe80::/10"),
        "168.63.129.16/32",  # Azure
        "100.100.100.200/32",  # Alibaba
        "192.0.0.192/32",  # Oracle
        "fd00:ec2::/32",  # Amazon: 254 is the instance's, 23 the Pod's
        "fd20:ce::254/128",  # Google
        "64:ff9b:1::/48",  # NAT64 of the local network: where the IPv4 address is in it, it decides
    ]
)

# Where no server of a cluster is: here, nowhere, and where credentials are handed out.
NOT_IN_A_CLUSTER: Final = (*METADATA, *parse_networks(["0.0.0.0/8", "127.0.0.0/8", "::/127"]))

# What comes before an IPv4 address in the last 32 bits of an IPv6 one.
_PREFIXES: Final = parse_networks(["::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"])


class AddressRefused(OSError):
    """There is no address that the gateway may connect to; its text, for the log, says why."""


@dataclass(frozen=True)
class AddressRule:
    """Which addresses servers may be at: at none of `refused`, unless `allowed` lists it.

    With `hides_names`, a name that there is not is refused as one whose address is: who chose it
    must not find out which names an internal network has. Hosts that are `known` are looked up
    nowhere else.
    """

    refused: tuple[Network, ...]
    allowed: tuple[Network, ...] = ()
    hides_names: bool = True
    known: Callable[[str], Sequence[str]] = lambda _: ()

    def require(self, text: str) -> None:
        """Raise AddressRefused unless the address is one that may be connected to."""
        try:
            address = ip_address(text)
        except ValueError:
            raise AddressRefused("it is no IP address") from None
        for form in (address, *_carried(address)):
            if any(form in network for network in self.allowed):
                continue
            for network in self.refused:
                if form in network:
                    raise AddressRefused(f"its address is in {network}")


def _carried(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that packets to an IPv6 address may end up at."""
    if not isinstance(address, IPv6Address):
        return
    if address.sixtofour:
        yield address.sixtofour
    if any(address in network for network in _PREFIXES):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
