import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from chorus_gateway.settings import Settings, SettingsError, load, workers_for

REPOSITORY = Path(__file__).parents[2]


def write(folder: Path, **content: object) -> Path:
    file = folder / "chosen.json"
    file.write_text(json.dumps(content))
    return file


def test_the_shipped_file_says_what_the_defaults_say(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Settings()
    monkeypatch.chdir(REPOSITORY)
    assert Settings() == defaults


def test_every_model_folder_is_expected() -> None:
    folders = {file.parent.name for file in REPOSITORY.glob("models/*/model-settings.json")}
    assert folders == set(Settings().models)


def test_the_environment_is_above_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write(tmp_path, port=1111, v2_port=2222, models=["one", "two"])
    monkeypatch.setenv("CHORUS_GATEWAY_SETTINGS", str(file))
    monkeypatch.setenv("CHORUS_PORT", "3333")
    settings = Settings()
    assert (settings.port, settings.v2_port, settings.models) == (3333, 2222, ("one", "two"))
    assert settings.upstream_urls == ("http://127.0.0.1:2222",)


def test_models_are_separated_by_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_MODELS", "one, two,")
    assert Settings().models == ("one", "two")


def test_upstream_is_above_v2_port() -> None:
    assert Settings(upstream="http://models:9000/").upstream_urls == ("http://models:9000",)
    several = Settings(upstream="http://one:1/, http://two:2")
    assert several.upstream_urls == ("http://one:1", "http://two:2")


@pytest.mark.parametrize(
    ("cores", "workers"), [(1, 1), (2, 1), (8, 1), (15, 1), (16, 2), (31, 3), (32, 4), (256, 4)]
)
def test_workers_leave_the_cores_to_the_models(cores: int, workers: int) -> None:
    assert workers_for(cores) == workers


def test_workers_are_counted_for_this_machine_unless_a_number_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chorus_gateway.settings._auto_workers", lambda: 3)
    monkeypatch.setenv("CHORUS_WORKERS", "auto")
    assert Settings().workers == 3
    monkeypatch.setenv("CHORUS_WORKERS", "7")
    assert Settings().workers == 7


def test_an_unknown_key_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHORUS_GATEWAY_SETTINGS", str(write(tmp_path, max_body_byte=1)))
    with pytest.raises(ValidationError, match="max_body_byte"):
        Settings()


def test_a_file_that_is_named_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_GATEWAY_SETTINGS", "nowhere.json")
    with pytest.raises(SettingsError, match=r"nowhere\.json"):
        Settings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 70_000},
        {"models": ""},
        {"workers": 0},
        {"workers": "many"},
        {"upstream": "models:8080"},
        {"max_calls_in_flight": 0},
        {"upstream_timeout": float("inf")},
        {"drain_delay": -1},
    ],
    ids=str,
)
def test_wrong_values_are_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_what_is_wrong_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_PORT", "zero")
    monkeypatch.setenv("CHORUS_MODELS", "")
    with pytest.raises(SettingsError, match=r"\Aport: .*; models: .*\Z"):
        load()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_servers_elsewhere_are_read_from_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_ALLOWED_SERVERS", "https://a.example.com, https://*.example.org")
    monkeypatch.setenv("CHORUS_SERVERS", "x=http://h/v2/models/m, y=https://h:1/v2/models/n?a=b")
    monkeypatch.setenv("CHORUS_MEDIA_HOSTS", "images.example.com")
    monkeypatch.setenv("CHORUS_ALLOWED_NETWORKS", "10.0.0.0/8, fd00::/8")
    settings = load()
    assert settings.allowed_servers == ("https://a.example.com", "https://*.example.org")
    assert settings.servers == {
        "x": "http://h/v2/models/m",
        "y": "https://h:1/v2/models/n?a=b",
    }
    assert settings.media_limits.hosts == ("images.example.com",)
    assert settings.media_limits.networks == ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHORUS_ALLOWED_SERVERS", "ftp://a.example.com"),
        ("CHORUS_MEDIA_HOSTS", "a.example.com, *"),
        ("CHORUS_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("CHORUS_ALLOWED_SERVERS", "https://a.example.com/v2"),
        ("CHORUS_SERVERS", "https://a.example.com"),
        ("CHORUS_SERVERS", "x=a.example.com"),
        ("CHORUS_SERVERS", "a/b=https://a.example.com"),
        ("CHORUS_MAX_MEDIA_PIXELS", "1000000000"),
    ],
)
def test_wrong_servers_are_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name.removeprefix("CHORUS_").lower()):
        load()
