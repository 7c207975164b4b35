"""`chorus keys`: what it writes, the servers' own reader takes."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chorus.cli import app
from chorus.key_file import Entry, KeyFile
from chorus_http.access.keys import Caller, KeyRing, Scope


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHORUS_API_KEYS_FILE", raising=False)
    return tmp_path


def keys(*args: str, **env: str) -> Result:
    return CliRunner().invoke(app, ["keys", *args], env=env, prog_name="chorus")


def made(*args: str, **env: str) -> str:
    """The key that `chorus keys new` prints, alone."""
    result = keys("new", *args, **env)
    assert result.exit_code == 0, result.stderr
    (key,) = result.stdout.splitlines()
    return key


def refusal(*args: str) -> str:
    result = keys(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def ring(path: Path) -> KeyRing:
    return KeyRing.read(file=path)


def test_the_servers_take_what_was_made(folder: Path) -> None:
    plain = made("shop")
    limited = made("job", "--rate", "100/minute", "--concurrency", "8")
    scraper, operator = made("prometheus", "--metrics"), made("ops", "--admin")
    known = ring(folder / "keys.txt")
    assert known.caller(f"Bearer {plain}") == Caller("shop", frozenset({Scope.INFER}))
    job = Caller("job", frozenset({Scope.INFER}), "100/minute", 8)
    assert known.caller(f"Bearer {limited}") == job
    assert known.caller(f"Bearer {scraper}") == Caller("prometheus", frozenset({Scope.METRICS}))
    assert known.caller(f"Bearer {operator}") == Caller("ops", frozenset(Scope))
    assert known.caller("Bearer " + plain[:-1]) is None


def test_a_key_is_random_long_and_nowhere_but_on_stdout(folder: Path) -> None:
    result = keys("new", "shop")
    key = result.stdout.strip()
    assert key.startswith("chorus_")
    assert len(key.removeprefix("chorus_")) == 43  # 256 bits, six to a character
    assert key != made("other")
    assert key not in result.stderr
    assert key not in (folder / "keys.txt").read_text()
    assert "shop" in result.stderr
    assert "CHORUS_API_KEYS_FILE=keys.txt" in result.stderr


def test_the_file_is_the_owners_alone_and_stays_what_it_was(folder: Path) -> None:
    file = folder / "keys.txt"
    made("a")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o664)
    file.write_text(f"# ours\n\n{file.read_text()}  # of the shop\n")
    made("b")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_text().startswith("# ours\n\na:")
    assert "# of the shop" in file.read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["keys.txt"]


def test_a_link_goes_on_being_one(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "keys.txt").symlink_to(folder / "real" / "keys.txt")
    key = made("a")
    assert (folder / "keys.txt").is_symlink()
    assert ring(folder / "real" / "keys.txt").caller(f"Bearer {key}")


def test_the_list_shows_no_digest(folder: Path) -> None:
    made("shop", "--rate", "5/hour")
    made("ops", "--admin", "--concurrency", "2")
    shown = keys("list").stdout
    assert [line.split() for line in shown.splitlines()] == [
        ["name", "scope", "rate", "concurrency"],
        ["shop", "infer", "5/hour", "-"],
        ["ops", "admin", "-", "2"],
    ]
    digest = (folder / "keys.txt").read_text().split(":")[1][:64]
    assert digest[:8] not in shown


def test_the_list_as_json_shows_no_digest_either(folder: Path) -> None:
    made("shop", "--rate", "5/hour", "--concurrency", "2")
    made("ops", "--admin")
    shown = keys("list", "--json").stdout
    assert json.loads(shown) == [
        {"name": "shop", "scope": "infer", "rate": "5/hour", "concurrency": 2},
        {"name": "ops", "scope": "admin", "rate": None, "concurrency": None},
    ]


def test_a_revoked_key_is_gone_and_the_others_stay(folder: Path) -> None:
    first, second = made("a"), made("b")
    assert keys("revoke", "a").exit_code == 0
    known = ring(folder / "keys.txt")
    assert known.caller(f"Bearer {first}") is None
    assert known.caller(f"Bearer {second}") is not None
    assert keys("revoke", "b").exit_code == 0
    assert ring(folder / "keys.txt").enabled, "an empty file lets nobody in"


def test_the_file_may_be_named_either_way(folder: Path) -> None:
    made("a", "--file", "one")
    made("a", CHORUS_API_KEYS_FILE="two")
    assert (folder / "one").exists()
    assert (folder / "two").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["new", "a b"], "NAME is 1 to 64 letters"),
        (["new", ""], "NAME is 1 to 64 letters"),
        (["new", "x" * 65], "NAME is 1 to 64 letters"),
        (["new", "a\nb"], "NAME is 1 to 64 letters"),
        (["new", "gateway"], "gateway is the name of Chorus's own"),
        (["new", "b", "--rate", "9"], "--rate is written as 100/second"),
        (["new", "b", "--admin", "--metrics"], "leave --metrics out"),
        (["new", "a"], "has a key named a already"),
        (["revoke", "nobody"], "has no key of that name"),
        (["list", "--file", "missing"], "missing: No such file"),
        (["revoke", "a", "--file", "missing"], "missing: No such file"),
        (["new", "a", "--file", "no/such/folder"], "no/such/folder: No such file"),
        (["list", "--file", "wrong"], "wrong, line 2: "),
        (["new", "b", "--file", "wrong"], "wrong, line 2: "),
        (["list", "--file", "binary"], "binary is no text"),
    ],
)
def test_refusals_are_one_line(folder: Path, args: list[str], words: str) -> None:
    made("a")
    (folder / "wrong").write_text("# fine\nsecret\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    before = (folder / "keys.txt").read_text()
    line = refusal(*args)
    assert words in line
    assert "secret" not in line
    assert (folder / "keys.txt").read_text() == before


def test_a_concurrency_is_at_least_one() -> None:
    assert keys("new", "a", "--concurrency", "0").exit_code == 2


def test_whoever_makes_keys_at_one_moment_loses_none(folder: Path) -> None:
    def make(number: int) -> None:
        KeyFile(folder / "keys.txt").add(Entry.of(f"n{number}", str(number), "infer", "", None))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(40)))
    names = {entry.name for entry in KeyFile(folder / "keys.txt").entries()}
    assert names == {f"n{number}" for number in range(40)}


def test_help_has_an_example() -> None:
    assert "chorus keys new webshop" in keys("--help").stdout
    for command in ("new", "list", "revoke"):
        assert f"chorus keys {command}" in keys(command, "--help").stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(folder: Path) -> None:
    folder.chmod(0o500)
    assert "Permission denied" in refusal("new", "a")
