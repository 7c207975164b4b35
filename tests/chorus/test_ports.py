import socket

import pytest

from chorus import ports
from chorus.errors import UsageError
from chorus.ports import Port


def test_a_free_port_is_accepted_and_left_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    for _ in range(2):
        ports.check("127.0.0.1", [Port(number, "--port", "CHORUS_PORT")])


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_taken_port_is_named_with_its_option(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with pytest.raises(UsageError) as refusal:
            ports.check(host, [Port(number, "--v2-port", "CHORUS_V2_PORT")])
    wanted = f"port {number} is taken; choose another with --v2-port or CHORUS_V2_PORT"
    assert str(refusal.value) == wanted


def test_two_options_cannot_share_a_port() -> None:
    both = [Port(1, "--grpc-port", "CHORUS_GRPC_PORT"), Port(1, "--port", "CHORUS_PORT")]
    with pytest.raises(UsageError, match=r"--grpc-port and --port are both 1;.* CHORUS_PORT"):
        ports.check("127.0.0.1", both)


def test_free_ports_are_the_next_that_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        found = ports.free_above(taken - 1, "127.0.0.1", 3)
    assert taken not in found
    assert found == sorted(found)
    ports.check("127.0.0.1", [Port(number, "--port", "CHORUS_PORT") for number in found])


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_here_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on {host}: .* --host or CHORUS_HOST"):
        ports.check(host, [Port(8000, "--port", "CHORUS_PORT")])


@pytest.mark.parametrize(
    ("host", "called"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("10.1.2.3", "10.1.2.3"),
        ("localhost", "localhost"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
    ],
)
def test_the_address_that_reaches_a_host(host: str, called: str) -> None:
    assert ports.reachable(host) == called
