"""The switch: what turns traces on and off, and that leaving waits for no collector."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from tests.traces import Memory, collecting

from chorus_http.traces import tracing
from chorus_http.traces.export import Reporting
from chorus_http.traces.tracing import TracingError, require, start

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SOMEWHERE = "http://127.0.0.1:4317"


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv(ENDPOINT, SOMEWHERE)
    return monkeypatch


def test_off_unless_a_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not require()
    assert start("a") is None
    monkeypatch.setenv(ENDPOINT, " ")
    assert not require()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", SOMEWHERE)
    assert require()


def test_mlservers_own_setting_names_one_too() -> None:
    assert require("127.0.0.1:4317")


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")]
)
def test_switched_off_by_the_standard(said: pytest.MonkeyPatch, name: str, value: str) -> None:
    said.setenv(name, value)
    assert not require()
    assert not require("127.0.0.1:4317")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
    ],
)
def test_what_cannot_be_is_one_line(said: pytest.MonkeyPatch, name: str, value: str) -> None:
    said.setenv(name, value)
    with pytest.raises(TracingError) as wrong:
        start("a")
    assert "OTEL_" in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert value not in str(wrong.value)


@pytest.mark.parametrize("package", ["opentelemetry.nowhere", "nowhere.at.all"])
def test_a_missing_package_is_one_line(said: pytest.MonkeyPatch, package: str) -> None:
    said.setattr(tracing, "PACKAGES", (package,))
    with pytest.raises(TracingError, match=r"pip install 'chorus-serve\[tracing\]'"):
        require()


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "chorus-x"),
        ({"OTEL_SERVICE_NAME": "mine"}, "mine"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=ours,team=a"}, "ours"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=a"}, "chorus-x"),
    ],
)
def test_the_services_name(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    with collecting() as collector:
        for variable, value in (collector.environment | variables).items():
            monkeypatch.setenv(variable, value)
        traces = start("chorus-x")
        assert traces is not None
        traces.tracer.start_span("a").end()
        traces.close(20)
        assert [(span.service, span.name) for span in collector.spans] == [(name, "a")]


def test_the_sampler_is_the_standards(said: pytest.MonkeyPatch) -> None:
    said.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traces = start("a")
    assert traces is not None
    assert not traces.tracer.start_span("a").is_recording()
    traces.close()


def test_leaving_waits_for_no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{silent.getsockname()[1]}")
        traces = start("a")
        assert traces is not None
        traces.tracer.start_span("a").end()
        began = time.monotonic()
        traces.close(0.5)
        assert time.monotonic() - began < 9  # it would wait 10 s for the answer


class Unreliable(SpanExporter):
    def __init__(self, *results: SpanExportResult | Exception) -> None:
        self.results = list(results)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        match self.results.pop(0):
            case Exception() as error:
                raise error
            case result:
                return result


def test_a_collector_that_is_away_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
    exporter = Reporting(Unreliable(good, bad, bad, ValueError("secret"), good, good, bad))
    with caplog.at_level(logging.WARNING, "chorus.traces"):
        for _ in range(7):
            exporter.export([])
    lines = [record.getMessage() for record in caplog.records]
    assert ["again" in line for line in lines] == [False, True, False]
    assert "secret" not in caplog.text


def test_off_costs_no_import() -> None:
    """Nor do traces add to what the framework imports anyway, which is the API."""
    code = (
        "import sys; from chorus_gateway.app import create_app;"
        "from chorus_gateway.settings import Settings; from chorus_gateway import traces;"
        "create_app(Settings(), tracing=traces.set_up());"
        "print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'grpc'))])"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CHORUS_"))}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]", found.stderr


def test_the_provider_is_nobody_elses() -> None:
    from opentelemetry.trace import get_tracer

    Memory().tracer.start_span("a").end()
    assert not get_tracer("a library").start_span("b").is_recording()
