"""The bill of materials: valid, whole, the same each time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from supply_chain import installed, sbom
from supply_chain.pins import GATEWAY, MLFLOW, MLSERVER, SERVING, UI, read

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def names(document: dict[str, Any]) -> set[str]:
    return {component["name"] for component in document["components"]}


@pytest.fixture(scope="module")
def gateway() -> str:
    return sbom.gateway()


@pytest.fixture(scope="module")
def runtime() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom.runtime())
    return document


def test_both_are_cyclonedx(gateway: str, runtime: dict[str, Any]) -> None:
    assert VALIDATOR.validate_str(gateway) is None
    assert VALIDATOR.validate_str(json.dumps(runtime)) is None


def test_the_validator_would_say_so() -> None:
    assert VALIDATOR.validate_str(
        '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 1}'
    )


def test_it_is_the_same_each_time(gateway: str) -> None:
    assert sbom.gateway() == gateway
    assert "timestamp" not in json.loads(gateway)["metadata"]


def test_the_gateways_is_what_its_image_installs(gateway: str) -> None:
    pins = [*read(GATEWAY), *read(MLSERVER)]
    assert names(json.loads(gateway)) == {pin.name for pin in pins if pin.applies}


def test_the_gateway_alone_is_small(gateway: str, runtime: dict[str, Any]) -> None:
    small = names(json.loads(gateway))
    assert not {"torch", "transformers"} & small
    assert len(small) < len(names(runtime))


def test_what_serves_is_all_there(runtime: dict[str, Any]) -> None:
    pinned = {pin.name for file in (SERVING, MLFLOW) for pin in read(file) if pin.applies}
    assert pinned | {"torch", "mlserver"} <= names(runtime)


def test_the_page_adds_its_pins(runtime: dict[str, Any]) -> None:
    bill = sbom.everything()
    assert VALIDATOR.validate_str(bill) is None
    pinned = {pin.name for pin in read(UI) if pin.applies}
    assert "gradio" in pinned
    assert names(json.loads(bill)) - names(runtime) == pinned


def test_each_has_a_licence_and_the_hashes_of_its_pin(runtime: dict[str, Any]) -> None:
    hashes = {pin.name: set(pin.hashes) for pin in read(SERVING)}
    for component in runtime["components"]:
        assert component["licenses"], component["name"]
        (files,) = component["externalReferences"]
        stated = {entry["content"] for entry in files.get("hashes", ())}
        assert stated == hashes.get(component["name"], stated), component["name"]


def test_arrows_lead_from_chorus_to_everything(runtime: dict[str, Any]) -> None:
    arrows = {row["ref"]: row.get("dependsOn", []) for row in runtime["dependencies"]}
    waiting, reached = ["chorus-serve"], set()
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += arrows[ref]
    assert reached == arrows.keys()
    assert len(reached) == len(runtime["components"]) + 1


def test_what_is_not_installed_is_named() -> None:
    from packaging.requirements import Requirement

    with pytest.raises(installed.NotInstalled, match=r"pyproject\.toml asks for no-such-package"):
        installed.closure([Requirement("no-such-package")])
