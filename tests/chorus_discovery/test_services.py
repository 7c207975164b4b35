"""What a Service object is read as."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chorus_discovery.objects import PORTS, service

from chorus_discovery.services import Service, read


def found(item: dict[str, Any]) -> Service:
    reading = read(item)
    assert reading.service is not None, reading.reason
    assert reading.reason == ""
    return reading.service


def port(**changed: Any) -> list[dict[str, Any]]:
    return [PORTS[0] | changed]


def test_a_service_of_the_cluster() -> None:
    item = service("scorer", annotations={"chorus/models": '["a","b.v2"]'})
    one = found(item)
    assert one == Service("chorus", "scorer", 8080, ("10.96.0.10",), ("a", "b.v2"))
    assert one.key == "chorus/scorer"
    assert one.url == "http://scorer.chorus.svc:8080"


def test_the_port_is_the_one_of_that_name() -> None:
    others = [{"name": "v2-grpc", "port": 8081}, {"name": "gateway", "port": 80}]
    assert found(service("scorer", ports=[*others, {"name": "v2-http", "port": 9000}])).port == 9000


@pytest.mark.parametrize(
    ("stated", "addresses"),
    [
        (["10.96.0.10", "fd00:10:96::A"], ("10.96.0.10", "fd00:10:96::a")),
        (["None"], ()),
    ],
)
def test_addresses(stated: list[str], addresses: tuple[str, ...]) -> None:
    assert found(service("scorer", clusterIPs=stated)).addresses == addresses


def test_the_one_address_of_an_old_object() -> None:
    item = service("scorer")
    del item["spec"]["clusterIPs"]
    assert found(item).addresses == ("10.96.0.10",)


def test_hosts_are_those_that_the_resolver_of_a_pod_knows() -> None:
    one = found(service("scorer", clusterIPs=["10.96.0.10", "fd00::1"]))
    everywhere = {
        *("scorer.chorus", "scorer.chorus.svc", "scorer.chorus.svc.cluster.local"),
        *("10.96.0.10", "fd00::1"),
    }
    assert one.hosts("other") == everywhere
    assert one.hosts("chorus") == everywhere | {"scorer"}
    assert "scorer.chorus.svc.corp.example" in one.hosts("chorus", "corp.example")
    assert "scorer.chorus.svc.cluster.local" not in one.hosts("chorus", "corp.example")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"type": "ExternalName", "externalName": "evil.example"}, "ExternalName"),
        ({"ports": []}, "no TCP port named v2-http"),
        ({"ports": None}, "no TCP port named v2-http"),
        ({"ports": [{"port": 8080}]}, "no TCP port named v2-http"),
        ({"ports": port(name="v2-grpc")}, "no TCP port named v2-http"),
        ({"ports": port(protocol="UDP")}, "no TCP port named v2-http"),
        ({"clusterIPs": ["127.0.0.1"]}, "not one of the cluster's"),
        ({"clusterIPs": ["10.96.0.10", "::1"]}, "not one of the cluster's"),
        ({"clusterIPs": ["::ffff:127.0.0.1"]}, "not one of the cluster's"),
        ({"clusterIPs": ["169.254.169.254"]}, "not one of the cluster's"),
        ({"clusterIPs": ["::ffff:169.254.169.254"]}, "not one of the cluster's"),
        ({"clusterIPs": ["fe80::1"]}, "not one of the cluster's"),
        ({"clusterIPs": ["0.0.0.0"]}, "not one of the cluster's"),
        ({"clusterIPs": ["::"]}, "not one of the cluster's"),
        ({"clusterIPs": ["224.0.0.1"]}, "not one of the cluster's"),
        ({"clusterIPs": [""]}, "no address"),
        ({"clusterIPs": []}, "no address"),
        ({"clusterIPs": ["None"], "ports": port(port=80, targetPort=8080)}, "must be the same"),
    ],
)
def test_refusals_say_why(spec: dict[str, Any], reason: str) -> None:
    reading = read(service("scorer", **spec))
    assert reading.service is None
    assert reason in reading.reason
    assert "evil" not in reading.reason


def test_behind_an_address_ports_are_translated() -> None:
    assert found(service("scorer", ports=port(port=80, targetPort=8080))).port == 80


@pytest.mark.parametrize("target", ["http", 8080])
def test_a_headless_service_whose_ports_are_alike(target: object) -> None:
    item = service("scorer", clusterIPs=["None"], ports=port(targetPort=target))
    assert found(item).port == 8080


def test_an_annotation_that_names_nothing() -> None:
    assert found(service("scorer", annotations={"chorus/models": "[]"})).models == ()
    assert found(service("scorer")).models is None


def test_a_model_named_twice_is_one() -> None:
    models = found(service("scorer", annotations={"chorus/models": '["b","a","b"]'})).models
    assert models == ("b", "a")


@pytest.mark.parametrize(
    "annotation",
    [
        *("", "a,b", "[", "null", '"a"', '{"a": 1}', "[1]", "[null]", '[["a"]]'),
        *('[""]', '["."]', '[".."]', '["a/b"]', '["a b"]', '["ä"]', '["a\\n"]', '["%2e"]'),
        *(f'["{"x" * 129}"]', '["a", "../secret"]', "[" * 100_000),
    ],
)
def test_a_bad_annotation_is_passed_over_and_said(annotation: str) -> None:
    reading = read(service("scorer", annotations={"chorus/models": annotation}))
    assert reading.service is not None
    assert reading.service.models is None
    assert "chorus/models" in reading.reason
    assert "secret" not in reading.reason
