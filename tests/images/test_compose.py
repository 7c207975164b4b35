"""What compose.yaml says fits the images, the settings and the files that are there."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from supply_chain import images

from chorus_gateway.settings import Settings
from chorus_ui.settings import PREFIX
from chorus_ui.settings import Settings as PageSettings
from mlserver_chorus.settings import RuntimeSettings

COMPOSE: dict[str, Any] = yaml.safe_load((images.ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("chorus")}
OUTSIDE = {"HF_HUB_OFFLINE", "HF_TOKEN"}
"""What the hub's library reads."""


def port(published: str) -> int:
    """The container's end of `127.0.0.1:${NAME:-8000}:8000`."""
    return int(published.rpartition(":")[2])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_held_tight(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_published_beyond_this_machine(name: str) -> None:
    for published in SERVICES[name].get("ports", []):
        assert published.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version(name: str) -> None:
    repository, _, tag = SERVICES[name]["image"].rpartition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)
    if name in OURS:
        assert repository in images.IMAGES.values()
        assert tag == images.version()


def test_what_it_builds_are_targets() -> None:
    for service in OURS.values():
        if "build" in service:
            assert images.IMAGES[service["build"]["target"]] in service["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_whom_it_waits_for_is_there_with_it(name: str) -> None:
    service = SERVICES[name]
    for other in service.get("depends_on", []):
        assert set(SERVICES[other].get("profiles", [])) <= set(service.get("profiles", []))


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_mounts_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (images.ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    fields = {*Settings.model_fields, *RuntimeSettings.model_fields}
    known = {f"CHORUS_{field.upper()}" for field in fields} | OUTSIDE
    known |= {PREFIX + field.name.upper() for field in dataclasses.fields(PageSettings)}
    assert set(OURS[name].get("environment", {})) <= known


def test_ports_are_those_of_the_settings() -> None:
    settings = Settings(workers=1)
    assert [port(one) for one in SERVICES["gateway"]["ports"]] == [settings.port]
    assert [port(one) for one in SERVICES["runtime"]["ports"]] == [settings.v2_port, 8081]
    upstream = SERVICES["gateway"]["environment"]["CHORUS_UPSTREAM"]
    assert upstream == f"http://runtime:{settings.v2_port}"
    assert [port(one) for one in SERVICES["page"]["ports"]] == [PageSettings().port]
    assert f":{PageSettings().port}/healthz" in SERVICES["page"]["healthcheck"]["test"][-1]
    asked = SERVICES["page"]["environment"]["CHORUS_UI_GATEWAY"]
    assert asked == f"http://gateway:{settings.port}"


def test_the_page_is_told_no_keys() -> None:
    assert "env_file" not in SERVICES["page"]


def test_who_is_stopped_has_the_time_to_drain() -> None:
    gateway, runtime = Settings(workers=1), RuntimeSettings()
    delay = float(SERVICES["gateway"]["environment"]["CHORUS_DRAIN_DELAY"])
    assert seconds("gateway") > delay + gateway.drain_timeout
    assert seconds("runtime") > runtime.drain_delay + runtime.drain_timeout


def seconds(name: str) -> int:
    """How long Compose waits before it kills."""
    return int(SERVICES[name]["stop_grace_period"].removesuffix("s"))


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_can_read_its_file() -> None:
    file = images.ROOT / "compose" / "prometheus.yml"
    done = subprocess.run(["promtool", "check", "config", file], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_prometheus_asks_services_for_metrics_where_they_are() -> None:
    config = yaml.safe_load((images.ROOT / "compose" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    targets = [target for group in job["static_configs"] for target in group["targets"]]
    assert targets == ["gateway:8000", "runtime:8082"]
    assert {target.partition(":")[0] for target in targets} <= set(SERVICES)
