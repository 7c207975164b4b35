"""The lock reads back what it wrote, writes always the same, refuses what is odd in one line."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from chorus_weights import lock
from chorus_weights.errors import LockError
from chorus_weights.lock import Lock, LockedFile, LockedModel

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "a" * 64
CONFIG = LockedFile("config.json", 2, DIGEST)
DEEP = LockedFile("1_Pooling/config.json", 0, "b" * 64)
SPAM = LockedModel("org/spam", COMMIT, (DEEP, CONFIG))
GPT = LockedModel("gpt2", COMMIT, (CONFIG,), "v2")


def test_what_is_written_is_read_and_always_the_same_text(tmp_path: Path) -> None:
    path, other = tmp_path / "models.lock", tmp_path / "other.lock"
    Lock().with_model(SPAM).with_model(GPT).write(path)
    turned = LockedModel("org/spam", COMMIT, (CONFIG, DEEP))
    Lock().with_model(GPT).with_model(turned).write(other)
    assert path.read_text() == other.read_text()
    assert Lock.read(path).get("org/spam") == SPAM
    assert Lock.read(path).get("gpt2") == GPT
    assert Lock.read(path).get("org/ham") is None
    assert SPAM.size == 2
    assert SPAM.file("config.json") == CONFIG
    assert sorted(tmp_path.iterdir()) == [path, other]


def test_no_file_is_an_empty_lock(tmp_path: Path) -> None:
    assert Lock.read(tmp_path / "models.lock") == Lock()


def test_a_lock_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "models.lock"
    Lock().with_model(SPAM).write(path)
    before = path.read_text()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        Lock().with_model(GPT).write(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def document(**changes: object) -> dict[str, object]:
    model = {
        "reference": "main",
        "revision": COMMIT,
        "files": {"config.json": {"size": 2, "sha256": DIGEST}},
    }
    return {"version": 1, "models": {"org/spam": model | changes}}


def file(path: str = "config.json", **changes: object) -> dict[str, object]:
    return document(files={path: {"size": 2, "sha256": DIGEST} | changes})


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ("not JSON", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "not a lock"),
        ("{}", "not a lock"),
        ('{"version": 1, "version": 1}', "there twice"),
        ({"version": 2, "models": {}}, "of version 2, this Chorus reads 1"),
        ({"version": True, "models": {}}, "not a lock"),
        ({"version": 1, "models": []}, "models: not an object"),
        ({"version": 1}, "'models' is missing or unknown"),
        (document(extra=1), "org/spam: 'extra' is missing or unknown"),
        (document(revision="main"), "revision is not a commit"),
        (document(revision=COMMIT.upper()), "revision is not a commit"),
        (document(revision=None), "revision is not a commit"),
        (document(reference=""), "reference is not a name"),
        (document(files={}), "files are missing"),
        (document(files={"config.json": 1}), "config.json: not an object"),
        (file("../config.json"), "is no path inside"),
        (file("/etc/passwd"), "is no path inside"),
        (file("a/../b"), "is no path inside"),
        (file("a//b"), "is no path inside"),
        (file("a\\b"), "is no path inside"),
        (file("a\nb"), "is no path inside"),
        (file(""), "is no path inside"),
        (file(size=-1), "size is not a number of bytes"),
        (file(size=True), "size is not a number of bytes"),
        (file(size="2"), "size is not a number of bytes"),
        (file(sha256=DIGEST[1:]), "sha256 is not 64"),
        (file(sha256=None), "sha256 is not 64"),
        ({"version": 1, "models": {"../x": document()["models"]}}, "is missing or unknown"),
    ],
)
def test_what_is_odd_is_refused_in_one_line(tmp_path: Path, odd: object, says: str) -> None:
    path = tmp_path / "models.lock"
    path.write_text(odd if isinstance(odd, str) else json.dumps(odd))
    with pytest.raises(LockError) as refused:
        Lock.read(path)
    line = str(refused.value)
    assert says in line
    assert line.startswith("models.lock")
    assert line.endswith("run chorus pull")
    assert "\n" not in line
    assert str(tmp_path) not in line


@pytest.mark.parametrize("name", ["", "..", "a/../b", "a/b/c", "/a", "a b", "hf://a/b"])
def test_an_impossible_repository_is_refused(name: str) -> None:
    with pytest.raises(LockError, match="no name of a repository"):
        LockedModel(name, COMMIT, (CONFIG,))


@pytest.mark.parametrize("home", ["models/spam", "models/tasks/spam"])
def test_the_nearest_lock_is_that_of_the_models(tmp_path: Path, home: str) -> None:
    (tmp_path / home).mkdir(parents=True)
    assert lock.nearest(tmp_path / home) is None
    (tmp_path / "models" / "models.lock").touch()
    assert lock.nearest(tmp_path / home) == tmp_path / "models" / "models.lock"


def test_one_at_a_time_may_change_it(tmp_path: Path) -> None:
    path = tmp_path / "models.lock"
    entered = threading.Event()

    def other() -> None:
        with lock.held(path):
            entered.set()

    with lock.held(path):
        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.2)
    thread.join(10)
    assert entered.is_set()
