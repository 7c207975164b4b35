"""Keys from the environment; what is said of a wrong one repeats nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.launcher.reading import read_keys, read_runtime_settings

SECRET = "chorus_key_that_nobody_shall_see"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEYS", "ADMIN_KEYS", "API_KEYS_FILE", "UPSTREAM_KEY", "RATE_LIMIT"):
        monkeypatch.delenv(f"CHORUS_{name}", raising=False)


def test_there_are_none_by_default() -> None:
    assert not read_keys(read_runtime_settings()).enabled


@pytest.mark.parametrize("name", ["API_KEYS", "ADMIN_KEYS", "UPSTREAM_KEY"])
def test_one_of_any_kind_asks_everybody_for_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"CHORUS_{name}", SECRET)
    ours = read_runtime_settings()
    ring = read_keys(ours)
    assert ring.enabled
    assert ring.caller(f"Bearer {SECRET}") is not None
    assert ring.caller(None) is None
    assert SECRET not in repr(ours)
    assert SECRET not in ours.model_dump_json()


def test_the_limits_are_for_keys_that_have_none_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHORUS_API_KEYS", SECRET)
    monkeypatch.setenv("CHORUS_RATE_LIMIT", "7/minute")
    monkeypatch.setenv("CHORUS_MAX_CONCURRENCY", "3")
    caller = read_keys(read_runtime_settings()).caller(f"Bearer {SECRET}")
    assert caller is not None
    assert (caller.rate, caller.concurrency) == ("7/minute", 3)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("API_KEYS", "too-short", "CHORUS_API_KEYS: "),
        ("API_KEYS_FILE", "/no/such/file", "CHORUS_API_KEYS_FILE: "),
        ("RATE_LIMIT", "often", "CHORUS_RATE_LIMIT: "),
        ("MAX_CONCURRENCY", "0", "CHORUS_MAX_CONCURRENCY: "),
        ("REPOSITORY_API", "ajar", "CHORUS_REPOSITORY_API: "),
    ],
)
def test_what_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"CHORUS_{name}", value)
    with pytest.raises(LoadError) as refusal:
        read_keys(read_runtime_settings())
    (line,) = str(refusal.value).splitlines()
    assert line.startswith(words)
    assert value not in line


def test_a_wrong_line_of_the_file_is_named_by_its_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"# fine\nshop:{SECRET}\n")
    monkeypatch.setenv("CHORUS_API_KEYS_FILE", str(file))
    with pytest.raises(LoadError, match="CHORUS_API_KEYS_FILE, line 2: ") as refusal:
        read_keys(read_runtime_settings())
    assert SECRET not in str(refusal.value)
