"""Who a key lets in, what is kept of it, and what happens when the file of keys changes."""

from __future__ import annotations

import hmac
import logging
from hashlib import sha256
from pathlib import Path

import pytest

from chorus_http.access import keys
from chorus_http.access.keys import KeyRing, KeysError, Scope
from chorus_http.access.watched_file import INTERVAL, WatchedFile

ONE, OTHER, ADMIN = "one-key-of-16-chars", "another-key-of-that", "the-key-of-an-admin"


def line(name: str, key: str, *options: str) -> str:
    return " ".join([f"{name}:{sha256(key.encode()).hexdigest()}", *options]) + "\n"


def name_of(ring: KeyRing, key: str) -> str | None:
    caller = ring.caller(f"Bearer {key}")
    return caller.name if caller else None


class Clock:
    """Seconds, as a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.touch(0o600)
    return path


# ------------------------------------------------------------------------------ who gets in


def test_without_keys_there_is_no_door() -> None:
    assert not KeyRing.read().enabled


def test_keys_are_told_apart_and_have_their_scopes() -> None:
    ring = KeyRing.read(f"{ONE}, {OTHER}", ADMIN)
    assert ring.enabled
    assert [name_of(ring, key) for key in (ONE, OTHER, ADMIN)] == ["key-1", "key-2", "admin-1"]
    scopes = {key: ring.caller(f"Bearer {key}").scopes for key in (ONE, ADMIN)}  # type: ignore[union-attr]
    assert scopes == {ONE: {Scope.INFER}, ADMIN: set(Scope)}


NOBODYS = (
    *(None, "", ONE, "Bearer", "Bearer ", f"Basic {ONE}", f"Bearer{ONE}", f"Bearer\t{ONE}"),
    *(f"Bearer {ONE}x", f"Bearer {ONE[:-1]}", f"Bearer {ONE}\0", "Bearer ü"),
    *(f"Bearer {ONE} {OTHER}", f"Bearer {ONE},{OTHER}"),
    f"Bearer {sha256(ONE.encode()).hexdigest()}",
)


@pytest.mark.parametrize("header", NOBODYS)
def test_whatever_else_is_sent_is_nobodys(header: str | None) -> None:
    assert KeyRing.read(f"{ONE},{OTHER}").caller(header) is None


@pytest.mark.parametrize("header", [f"bearer {ONE}", f"BEARER {ONE}", f"Bearer  {ONE} "])
def test_the_scheme_is_of_any_case(header: str) -> None:
    assert KeyRing.read(ONE).caller(header) is not None


@pytest.mark.parametrize("sent", [ONE, OTHER, ADMIN, "nobody's"])
def test_all_digests_are_compared_whatever_is_sent(
    sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the first that fits nor none ends it: the time says nothing about which there are."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(known: bytes, given: bytes) -> bool:
        compared.append((known, given))
        return hmac.compare_digest(known, given)

    ring = KeyRing.read(f"{ONE},{OTHER}", ADMIN)
    with monkeypatch.context() as patched:
        patched.setattr(keys, "hmac", type("hmac", (), {"compare_digest": staticmethod(compare)}))
        ring.caller(f"Bearer {sent}")
    given = sha256(sent.encode()).digest()
    assert compared == [(sha256(key.encode()).digest(), given) for key in (ONE, OTHER, ADMIN)]


def test_no_key_is_kept() -> None:
    ring = KeyRing.read(ONE, ADMIN, internal=OTHER)
    ring.caller(f"Bearer {ONE}")
    kept = repr(vars(ring))
    assert all(key not in kept for key in (ONE, OTHER, ADMIN))


# ---------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("too-short",), "CHORUS_API_KEYS: .* at least 16"),
        ((ONE, "too-short"), "CHORUS_ADMIN_KEYS"),
        ((ONE, "", None, "too-short"), "CHORUS_UPSTREAM_KEY"),
        (("a key with spaces in",), "visible ASCII"),
        (("ein-schlüssel-mit-umlaut",), "visible ASCII"),
        ((" ,",), "no key in it"),
        ((ONE, ONE), "given twice"),
        ((f"{ONE},{ONE}",), "given twice"),
    ],
)
def test_wrong_keys_are_refused_in_one_line(settings: tuple[str, ...], says: str) -> None:
    with pytest.raises(KeysError, match=says) as caught:
        KeyRing.read(*settings)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert ONE not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (line("a", ONE) + line("a", OTHER), "same name"),
        (line("a", ONE) + line("b", ONE), "given twice"),
        (line("key-1", OTHER), "same name"),
        (line("gateway", OTHER), "same name"),
        (line("a", OTHER) + "what", "CHORUS_API_KEYS_FILE, line 2"),
    ],
)
def test_a_wrong_file_is_refused_at_the_start(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(KeysError, match=says):
        KeyRing.read(ONE + "-env", "", file, ADMIN)


def test_a_file_that_is_none_is_refused(tmp_path: Path, file: Path) -> None:
    file.write_bytes(b"\xff")
    for path in (tmp_path, tmp_path / "missing", file):
        with pytest.raises(KeysError, match="CHORUS_API_KEYS_FILE") as caught:
            KeyRing.read(file=path)
        assert str(tmp_path) not in str(caught.value)


# ----------------------------------------------------------------------------------- limits


def test_the_file_says_how_much_and_the_settings_where_it_does_not(file: Path) -> None:
    file.write_text(line("own", ONE, "rate=5/second", "concurrency=2") + line("usual", OTHER))
    ring = KeyRing.read("", ADMIN, file, "the-internal-key", rate="9/hour", concurrency=7)
    found = [ring.caller(f"Bearer {key}") for key in (ONE, OTHER, ADMIN, "the-internal-key")]
    assert [(one.rate, one.concurrency) for one in found if one] == [
        ("5/second", 2),
        ("9/hour", 7),
        ("9/hour", 7),
        (None, None),
    ]


# ------------------------------------------------------------------------- a file that changes


def test_a_changed_file_is_read_again_within_a_second(file: Path) -> None:
    file.write_text(line("one", ONE))
    clock = Clock()
    ring = KeyRing(file=WatchedFile(file, clock))
    file.write_text(line("other", OTHER, "scope=admin"))
    assert (name_of(ring, ONE), name_of(ring, OTHER)) == ("one", None), "not looked at each time"
    clock.now += INTERVAL
    assert (name_of(ring, ONE), name_of(ring, OTHER)) == (None, "other")


def test_who_revokes_the_last_key_opens_nothing(file: Path) -> None:
    file.write_text(line("one", ONE))
    clock = Clock()
    ring = KeyRing(file=WatchedFile(file, clock))
    file.write_text("# nobody\n")
    clock.now += INTERVAL
    assert name_of(ring, ONE) is None
    assert ring.enabled
    assert KeyRing.read(file=file).enabled


def test_a_broken_file_keeps_the_keys_and_says_so_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(line("one", ONE))
    clock = Clock()
    ring = KeyRing(file=WatchedFile(file, clock))
    for breaking in (lambda: file.write_text("a-raw-key"), file.unlink):
        breaking()
        caplog.clear()
        for _ in range(5):
            clock.now += INTERVAL
            assert name_of(ring, ONE) == "one"
        [record] = caplog.records
        assert record.levelno == logging.ERROR
        assert "stay in force" in record.getMessage()
        assert "a-raw-key" not in record.getMessage()
    file.write_text(line("other", OTHER))
    clock.now += INTERVAL
    assert name_of(ring, OTHER) == "other"


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_may_read_is_warned_of(
    file: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    file.chmod(mode)
    KeyRing.read(file=file)
    assert ["chmod 600" in record.getMessage() for record in caplog.records] == [True] * warned
