from __future__ import annotations

import pytest

from chorus_discovery.services import Service
from chorus_gateway.discovery.servers import Servers
from chorus_gateway.errors import AmbiguousModel, BadInput, UnknownModel, UrlNotAllowed
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.deployed_url import REFUSAL, DeployedUrls
from chorus_gateway.upstream.target import Target

HERE = "team"


def service(name: str, *models: str, namespace: str = HERE, address: str = "10.0.0.1") -> Service:
    return Service(namespace, name, 8080, (address,), models or None)


def origin(name: str, namespace: str = HERE) -> Origin:
    return Origin("http", f"{name}.{namespace}.svc.cluster.local", 8080)


def servers(*services: Service) -> Servers:
    found = Servers()
    found.replace({one.key: one for one in services}, HERE)
    return found


def urls(found: Servers, *expected: str) -> DeployedUrls:
    named = {"configured": "https://named.example.com/v2/models/m"}
    return DeployedUrls(["http://127.0.0.1:8080"], (), named, expected, found)


@pytest.mark.parametrize(
    "host",
    ["one", "one.team", "one.team.svc", "one.team.svc.cluster.local", "10.0.0.1", "ONE.Team"],
)
def test_every_name_of_a_service_is_the_same_server(host: str) -> None:
    found = urls(servers(service("one")))
    target = found.resolve(f"http://{host}:8080/v2/models/m/infer")
    assert target == Target(origin("one"), "m")


@pytest.mark.parametrize(
    "url",
    [
        "http://one:8081",
        "http://one",
        "https://one:8080",
        "http://other:8080",
        "http://one.other:8080",
        "http://one.team.svc.example.com:8080",
        "http://10.0.0.2:8080",
    ],
)
def test_other_ports_schemes_and_names_are_refused(url: str) -> None:
    with pytest.raises(UrlNotAllowed, match=REFUSAL):
        urls(servers(service("one"))).resolve(url)


def test_the_short_name_is_for_the_own_namespace_alone() -> None:
    found = urls(servers(service("one", namespace="elsewhere")))
    assert found.resolve("http://one.elsewhere:8080").origin == origin("one", "elsewhere")
    with pytest.raises(UrlNotAllowed):
        found.resolve("http://one:8080")


def test_an_ipv6_address_is_a_name_too() -> None:
    found = urls(servers(service("one", address="fd12::1")))
    assert found.resolve("http://[fd12::1]:8080").origin == origin("one")


def test_a_model_is_called_by_its_name() -> None:
    found = urls(servers(service("one", "m", "n"), service("two", "o", address="10.0.0.2")))
    assert found.resolve("o") == Target(origin("two"), "o")
    assert found.names == ["configured", "m", "n", "o"]


def test_who_says_which_model_is_believed_about_no_expected_or_configured_one() -> None:
    found = urls(servers(service("one", "m", "expected", "configured")), "expected")
    assert found.resolve("expected") == Target(None, "expected")
    assert found.resolve("configured").origin == Origin("https", "named.example.com", 443)
    assert found.resolve("unknown") == Target(None, "unknown")


def test_two_with_one_model_are_told_apart_by_their_services() -> None:
    found = urls(servers(service("one", "m"), service("two", "m", "n", address="10.0.0.2")))
    with pytest.raises(AmbiguousModel, match="team/one and team/two each have a model m"):
        found.resolve("m")
    assert found.resolve("team/two/m") == Target(origin("two"), "m")
    assert found.resolve("team/one") == Target(origin("one"), None)
    assert found.resolve("n") == Target(origin("two"), "n")


@pytest.mark.parametrize("text", ["team/none", "other/one", "team/none/m"])
def test_a_server_that_is_not_known(text: str) -> None:
    with pytest.raises(UnknownModel, match="no server"):
        urls(servers(service("one"))).resolve(text)


@pytest.mark.parametrize(
    "text", ["team/one/", "/team/one", "team/one/m/n", "Team/one", "team/one/.."]
)
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(BadInput):
        urls(servers(service("one"))).resolve(text)


def test_what_a_server_said_outlives_a_change_of_others_and_not_its_own_end() -> None:
    found = servers(service("one"), service("two", address="10.0.0.2"))
    assert found.to_ask() == {"team/one": origin("one"), "team/two": origin("two")}
    found.found("team/one", origin("one"), ["m"])
    found.found("team/gone", origin("gone"), ["n"])
    assert found.is_known("team/one")
    assert not found.is_known("team/two")
    found.replace({"team/one": service("one")}, HERE)
    assert found.names == ["m"]
    found.replace({}, HERE)
    found.replace({"team/one": service("one")}, HERE)
    assert found.names == []


def test_where_a_server_is() -> None:
    found = servers(service("one"), Service(HERE, "headless", 8080, (), None))
    assert found.has(origin("one"))
    assert not found.has(Origin("http", "one", 8080))
    assert found.addresses(origin("one").host) == ("10.0.0.1",)
    assert found.addresses(origin("headless").host) == ()
    assert found.addresses("example.com") == ()
    assert found.count == 2
