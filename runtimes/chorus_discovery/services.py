"""What one Service of Kubernetes says of the V2 model server behind it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

LABEL: Final = "chorus/protocol"
SELECTOR: Final = f"{LABEL}=v2"
MODELS: Final = "chorus/models"
PORT: Final = "v2-http"

HEADLESS: Final = "None"  # what the field says where the name is that of the pods themselves
_MODEL: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

Item = Mapping[str, Any]
"""A Service object as the API server sends it, in JSON."""


@dataclass(frozen=True)
class Service:
    """A V2 model server of the cluster; no `addresses` where its name is resolved to its pods'."""

    namespace: str
    name: str
    port: int
    addresses: tuple[str, ...]
    models: tuple[str, ...] | None  # None: it does not name them

    @property
    def key(self) -> str:
        """How it is named wherever one namespace is not enough."""
        return f"{self.namespace}/{self.name}"

    @property
    def url(self) -> str:
        """Where it is, for every namespace."""
        return f"http://{self.name}.{self.namespace}.svc:{self.port}"

    def hosts(self, own_namespace: str, domain: str = "cluster.local") -> frozenset[str]:
        """Every host that means it, seen from a namespace; IPv6 addresses without brackets."""
        qualified = f"{self.name}.{self.namespace}"
        names = [qualified, f"{qualified}.svc", f"{qualified}.svc.{domain}"]
        if self.namespace == own_namespace:
            names.append(self.name)
        return frozenset([*names, *self.addresses])


@dataclass(frozen=True)
class Reading:
    """What became of a Service object: refused where `service` is None.

    `reason` says why it is refused, or what of it is passed over; else it is empty.
    """

    service: Service | None
    reason: str = ""


class _Refused(Exception):
    """Why a Service is no server to send requests to."""


def key_of(item: Item) -> str:
    """The `Service.key` of an object, refused ones too."""
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def read(item: Item) -> Reading:
    """Read a Service object; of what it holds nothing is repeated in the reason."""
    metadata, spec = item["metadata"], item.get("spec") or {}
    try:
        if spec.get("type") == "ExternalName":
            raise _Refused("it is an ExternalName, a name outside of the cluster")
        addresses = _addresses(spec)
        port = _port(spec, headless=not addresses)
    except _Refused as error:
        return Reading(None, str(error))
    models, reason = _models(metadata.get("annotations") or {})
    service = Service(metadata["namespace"], metadata["name"], port, addresses, models)
    return Reading(service, reason)


def _addresses(spec: Item) -> tuple[str, ...]:
    stated = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
    if stated == [HEADLESS]:
        return ()
    return tuple(_address(text) for text in stated)


def _address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        raise _Refused("it has no address in the cluster yet") from None
    meant = _mapped(address)
    if meant.is_loopback or meant.is_link_local or meant.is_unspecified or meant.is_multicast:
        raise _Refused("its address is not one of the cluster's")
    return str(address)


def _mapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, which is where packets go."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _port(spec: Item, *, headless: bool) -> int:
    for port in spec.get("ports") or ():
        if port.get("name") == PORT and port.get("protocol", "TCP") == "TCP":
            break
    else:
        raise _Refused(f"it has no TCP port named {PORT}")
    number: int = port["port"]
    target = port.get("targetPort", number)
    if headless and isinstance(target, int) and target != number:
        # A headless name leads to the pods themselves, where nobody translates ports.
        raise _Refused(f"it is headless: port and targetPort of {PORT} must be the same")
    return number


def _models(annotations: Mapping[str, str]) -> tuple[tuple[str, ...] | None, str]:
    """The names that the annotation gives, and why they are passed over."""
    text = annotations.get(MODELS)
    if text is None:
        return None, ""
    try:
        stated = json.loads(text)
    except (ValueError, RecursionError):
        stated = None
    if not isinstance(stated, list) or not all(map(_is_model, stated)):
        return None, f'the annotation {MODELS} is passed over: write a JSON list, ["a","b"]'
    return _unique(stated), ""


def _is_model(name: object) -> bool:
    return isinstance(name, str) and name not in (".", "..") and bool(_MODEL.fullmatch(name))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
