import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chorus.cli import app

REPOSITORY = Path(__file__).parents[2]
MODELS = str(REPOSITORY / "models")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, ports: dict[str, str]) -> None:
    for name in (
        "HOST",
        "WEIGHTS",
        "MODELS",
        "MODELS_DIR",
        "DEVICE",
        "WORKERS",
        "VERBOSE",
        "UI",
        "UI_PORT",
    ):
        monkeypatch.delenv(f"CHORUS_{name}", raising=False)
    for name, value in ports.items():
        monkeypatch.setenv(name, value)


def chorus(*args: str, **env: str) -> Result:
    return CliRunner().invoke(app, args, env=env, prog_name="chorus")


def refusal(*args: str, **env: str) -> str:
    """The one line with which `chorus serve` refuses."""
    result = chorus("serve", "--models-dir", MODELS, *args, **env)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("chorus: ")
    return line


def test_version() -> None:
    result = chorus("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("chorus 0.")


def test_help_lists_the_commands() -> None:
    assert "serve" in chorus("--help").stdout


def test_help_of_serve_has_an_example_and_every_variable() -> None:
    text = chorus("serve", "--help").stdout
    assert "chorus serve --weights hub" in text
    for name in (
        *("PORT", "V2_PORT", "GRPC_PORT", "METRICS_PORT", "HOST", "WEIGHTS"),
        *("MODELS", "MODELS_DIR", "MODELS_LOCK", "DEVICE", "WORKERS", "VERBOSE"),
        *("UI", "UI_PORT"),
    ):
        assert f"CHORUS_{name}]" in text


def test_importing_the_command_line_is_light() -> None:
    script = (
        "import chorus.cli, sys; print(sorted({'httpx', 'torch', 'fastapi'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert shown.stdout == "[]\n", shown.stderr


@pytest.mark.parametrize("option", ["--port", "--v2-port", "--grpc-port", "--metrics-port"])
def test_a_taken_port(option: str) -> None:
    variable = "CHORUS_" + option.removeprefix("--").replace("-", "_").upper()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        line = refusal(option, port)
        assert line == (f"chorus: port {port} is taken; choose another with {option} or {variable}")
        assert refusal(**{variable: port}) == line


def test_a_taken_port_of_the_page() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        line = refusal("--ui", "--ui-port", port)
        assert (
            line == f"chorus: port {port} is taken; choose another with --ui-port or CHORUS_UI_PORT"
        )
        assert refusal(CHORUS_UI="true", CHORUS_UI_PORT=port) == line
    line = refusal("--ui", "--ui-port", "8123", "--port", "8123")
    assert "--port and --ui-port are both 8123" in line


def test_the_page_cannot_come_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "pip install --no-deps -r requirements-ui.txt" in refusal("--ui")


def test_equal_ports() -> None:
    line = refusal("--port", "8123", "--metrics-port", "8123")
    assert "--port and --metrics-port are both 8123" in line


def test_no_such_port() -> None:
    result = chorus("serve", "--port", "70000")
    assert result.exit_code == 2
    assert "--port" in result.stderr


def test_an_unknown_model_lists_the_known_ones() -> None:
    line = refusal("--models", "cardiffnlp,nobody")
    assert "no model named nobody; known are" in line
    assert all(path.parent.name in line for path in Path(MODELS).glob("*/model-settings.json"))
    assert refusal(CHORUS_MODELS="cardiffnlp,nobody") == line


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:", "cuda:x", "cpu:0", "cpu,", ",", " ", "cpu,,cpu", "cpu,gpu"]
)
def test_a_bad_device(device: str) -> None:
    assert "--device or CHORUS_DEVICE" in refusal("--device", device)
    assert repr(device) in refusal(CHORUS_DEVICE=device)


def test_too_many_devices() -> None:
    line = refusal("--device", ",".join(["cpu"] * 65))
    assert "65 devices are more than 64" in line
    assert "--device or CHORUS_DEVICE" in line


def test_ports_so_high_that_further_processes_find_none() -> None:
    line = refusal("--device", "cpu,cpu", "--metrics-port", "65535")
    assert "3 more ports are needed" in line


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5"])
def test_a_bad_number_of_workers(workers: str) -> None:
    assert "--workers or CHORUS_WORKERS" in refusal("--workers", workers)
    assert repr(workers) in refusal(CHORUS_WORKERS=workers)


def test_weights_that_are_no_folder(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    line = refusal("--weights", missing)
    assert missing in line
    assert "--weights or CHORUS_WEIGHTS" in line
    assert refusal(CHORUS_WEIGHTS=missing) == line


def test_a_models_folder_without_models(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal("--models-dir", str(tmp_path))


@pytest.mark.parametrize("settings", ["{", "[]", '{"parameters": 1}'])
def test_broken_model_settings(tmp_path: Path, settings: str) -> None:
    path = tmp_path / "a" / "model-settings.json"
    path.parent.mkdir()
    path.write_text(settings)
    assert f"{path} cannot be read" in refusal("--models-dir", str(tmp_path))


def test_an_ensemble_whose_member_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    settings = {"name": "all", "parameters": {"extra": {"members": {"gone": {}}}}}
    (folder / "model-settings.json").write_text(json.dumps(settings))
    assert "the members of all: no model named gone" in refusal("--models-dir", str(tmp_path))
