"""Where the servers listen: free ports, and the address that reaches them."""

import errno
import ipaddress
import socket
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import islice

from chorus.errors import UsageError


@dataclass(frozen=True)
class Port:
    """A port and how to choose another: the option, and the variable beside it."""

    number: int
    option: str
    variable: str

    @property
    def choice(self) -> str:
        """The words that name the option and its variable."""
        return f"{self.option} or {self.variable}"


def check(host: str, ports: Sequence[Port]) -> None:
    """Refuse a host or ports on which the servers could not listen."""
    seen: dict[int, Port] = {}
    for port in ports:
        if other := seen.get(port.number):
            raise UsageError(
                f"{other.option} and {port.option} are both {port.number}; "
                f"choose another with {port.choice}"
            )
        seen[port.number] = port
        try:
            _bind(host, port.number)
        except OSError as error:
            raise UsageError(_refusal(host, port, error)) from None


def free_above(number: int, host: str, count: int, used: Container[int] = ()) -> list[int]:
    """The next so many free ports that are not among those in use soon.

    Not any that the kernel offers: those it also gives to outgoing connections, and a server that
    is started again must find its own free.
    """
    unused = (n for n in range(number + 1, 65536) if n not in used)
    found = list(islice((n for n in unused if _is_free(host, n)), count))
    if len(found) < count:
        raise UsageError(
            f"{count} more ports are needed and not free above {number}; "
            "choose lower ones with --port, --v2-port, --grpc-port and --metrics-port"
        )
    return found


def reachable(host: str) -> str:
    """The host to call for a server that listens on `host`, as it stands in a URL."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return "127.0.0.1" if address.is_unspecified else host
    return "[::1]" if address.is_unspecified else f"[{host}]"


def _is_free(host: str, number: int) -> bool:
    try:
        _bind(host, number)
    except OSError:
        return False
    return True


def _bind(host: str, number: int) -> None:
    family, kind, _, _, address = socket.getaddrinfo(
        host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as trial:
        # As the servers do: connections of an earlier run that linger are no obstacle.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)


def _refusal(host: str, port: Port, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port.number} is taken; choose another with {port.choice}"
    if error.errno == errno.EACCES:
        return f"port {port.number} is not allowed to this user; choose another with {port.choice}"
    return f"cannot listen on {host}: {error.strerror}; choose another with --host or CHORUS_HOST"
