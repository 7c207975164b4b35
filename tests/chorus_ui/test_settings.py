"""Settings are read from the environment alone, and a wrong one is named."""

from __future__ import annotations

import pytest

from chorus_ui.settings import Settings, SettingsError


def test_the_defaults_ask_the_gateway_of_this_machine() -> None:
    settings = Settings.read({})
    assert settings == Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)


def test_what_is_shown_is_what_is_asked_unless_told_otherwise() -> None:
    asked = {"CHORUS_UI_GATEWAY": "http://gateway:8000/"}
    assert Settings.read(asked).public_gateway == "http://gateway:8000"
    shown = asked | {"CHORUS_UI_PUBLIC_GATEWAY": "https://chorus.example.com"}
    settings = Settings.read(shown)
    assert settings.gateway == "http://gateway:8000"
    assert settings.public_gateway == "https://chorus.example.com"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHORUS_UI_PORT", "many"),
        ("CHORUS_UI_PORT", "70000"),
        ("CHORUS_UI_PORT", "٣"),
        ("CHORUS_UI_GATEWAY", "localhost:8000"),
        ("CHORUS_UI_GATEWAY", "file:///etc/passwd"),
        ("CHORUS_UI_GATEWAY", "http://user:secret@gateway"),
        ("CHORUS_UI_PUBLIC_GATEWAY", "http://["),
        ("CHORUS_LOG_FORMAT", "xml"),
        ("CHORUS_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_one_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.read({name: value})
    assert value not in str(caught.value)
