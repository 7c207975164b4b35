"""`chorus pull` against a hub on this machine: the real library, real sockets, some processes."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.chorus_weights.conftest import Done, Place
from tests.chorus_weights.hub_server import Hub
from tests.conftest import free_port

CONFIGURATION = {"config.json": b"1", "tokenizer.json": b"22", "tokenizer_config.json": b"333"}
SMALL = {**CONFIGURATION, "model.safetensors": b"weights"}
SURPRISES = {"modeling_evil.py": b"x", "training_args.bin": b"x", "README.md": b"x"}
# Larger than what the library hands on at once, so that some of it is on the disk before the end.
LARGE = random.Random(1).randbytes(24 << 20)


def test_a_pull_pins_what_it_fetched_and_the_next_one_asks_nobody(place: Place) -> None:
    commit = place.hub.put("org/spam", {**SMALL, **SURPRISES, "pytorch_model.bin": b"p"})
    place.model("spam", "hf://org/spam")
    done = place.run()
    assert done.code == 0, done
    assert done.out.splitlines()[1].split() == ["spam", "org/spam", commit[:12], "0.0", "MB", "new"]
    assert f"org/spam was not pinned; it is now, at {commit[:12]}" in done.err
    assert place.files("org/spam") == SMALL
    locked = place.lock.get("org/spam")
    assert locked is not None
    assert (locked.revision, locked.reference) == (commit, "main")
    for file in locked.files:
        assert file.sha256 == hashlib.sha256(SMALL[file.path]).hexdigest()
    assert {file.path for file in locked.files} == set(SMALL)

    place.hub.requests.clear()
    written = place.lock_file.stat().st_mtime_ns
    (row,) = place.run("--json", "--weights", "hub", HF_HUB_OFFLINE="1").rows
    assert (row["state"], row["fetched_bytes"]) == ("unchanged", 0)
    assert place.hub.requests == []
    assert place.lock_file.stat().st_mtime_ns == written


def test_an_interrupted_pull_goes_on_where_it_was(place: Place) -> None:
    place.hub.put("org/large", {**CONFIGURATION, "model.safetensors": LARGE})
    place.model("large", "hf://org/large")
    place.hub.hold_after = 14 << 20
    running = place.start()
    wait_until(lambda: any(map(is_started, place.cache.rglob("*.partial"))))
    running.send_signal(signal.SIGINT)
    done = Done.of(running)
    assert (done.code, done.out) == (130, "")
    assert done.err == "chorus: interrupted; the next pull goes on from here\n"
    assert not place.lock_file.exists()

    place.hub.hold_after = None
    place.hub.requests.clear()
    place.hub.sent.clear()
    assert place.pull().code == 0
    (asked,) = (request for request in place.hub.seen("cdn") if "safetensors" in request.path)
    assert asked.range == f"bytes={10 << 20}-"
    # The rest of it, and what the hub had still to write to the connection that is gone.
    assert place.hub.sent["model.safetensors"] < len(LARGE) - (6 << 20)
    assert place.files("org/large")["model.safetensors"] == LARGE


def is_started(path: Path) -> bool:
    return path.stat().st_size >= 10 << 20


def wait_until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_cut_connection_is_taken_up_again_by_itself(place: Place) -> None:
    place.hub.put("org/large", {**CONFIGURATION, "model.safetensors": LARGE})
    place.model("large", "hf://org/large")
    place.hub.cut_after = 14 << 20
    done = place.run()
    assert done.code == 0, done
    assert len(done.err.splitlines()) == 1  # what it has pinned, and no warning with a URL
    ranges = [request.range for request in place.hub.seen("cdn") if "safetensors" in request.path]
    assert ranges == [None, f"bytes={10 << 20}-"]
    assert place.files("org/large")["model.safetensors"] == LARGE


def test_two_pulls_at_once_fetch_once_and_agree(place: Place) -> None:
    place.hub.put("org/large", {**CONFIGURATION, "model.safetensors": LARGE})
    place.model("large", "hf://org/large")
    place.hub.hold_after = 14 << 20
    both = [place.start(), place.start()]
    wait_until(lambda: len([r for r in place.hub.seen("hub") if "/api/models/" in r.path]) == 2)
    place.hub.hold_after = None
    assert [Done.of(process).code for process in both] == [0, 0]
    assert place.hub.sent["model.safetensors"] == len(LARGE)
    assert place.files("org/large")["model.safetensors"] == LARGE
    assert not list(place.cache.rglob("*.partial"))


def test_the_token_reaches_the_hub_alone(place: Place) -> None:
    place.hub.put("org/mine", SMALL)
    place.hub.repositories["org/mine"].token = "hf_secret"
    place.model("mine", "hf://org/mine")
    done = place.run(HF_TOKEN="hf_secret")
    assert done.code == 0, done
    assert {request.authorization for request in place.hub.seen("hub")} == {"Bearer hf_secret"}
    assert {request.authorization for request in place.hub.seen("cdn")} == {None}
    assert place.hub.seen("cdn")
    assert "hf_secret" not in done.out + done.err + place.lock_file.read_text()


@pytest.mark.parametrize(
    ("gated", "token", "says"),
    [
        (True, {}, "org/mine is gated; accept its licence on its page and set HF_TOKEN"),
        (True, {"HF_TOKEN": "hf_else"}, "on its page with the account of HF_TOKEN"),
        (False, {"HF_TOKEN": "hf_else"}, "org/mine is not on "),
    ],
)
def test_what_may_not_be_read_is_one_line_with_advice(
    place: Place, gated: bool, token: dict[str, Any], says: str
) -> None:
    place.hub.put("org/mine", SMALL)
    place.hub.repositories["org/mine"].gated = gated
    place.hub.repositories["org/mine"].token = "hf_secret"
    place.model("mine", "hf://org/mine")
    line = place.refusal("mine", **token)
    assert says in line
    assert "HF_TOKEN" in line
    assert "hf_else" not in line


def test_a_moved_branch_moves_nothing_until_it_is_asked_to(place: Place) -> None:
    old = place.hub.put("org/spam", SMALL)
    place.model("spam", "hf://org/spam")
    assert place.pull().code == 0
    new = place.hub.put("org/spam", {**SMALL, "model.safetensors": b"better!"})
    (row,) = place.pull("--json").rows
    assert (row["state"], row["revision"]) == ("unchanged", old)
    (row,) = place.pull("--json", "--update").rows
    assert (row["state"], row["revision"], row["previous_revision"]) == ("moved", new, old)
    assert row["fetched_bytes"] == sum(map(len, SMALL.values()))
    assert place.hub.sent["tokenizer.json"] == len(SMALL["tokenizer.json"])  # its bytes were here
    assert place.files("org/spam")["model.safetensors"] == b"better!"


@pytest.mark.parametrize("path", ["model.safetensors", "config.json"])
def test_other_bytes_than_those_pinned_are_refused(place: Place, path: str) -> None:
    place.hub.put("org/spam", SMALL)
    place.model("spam", "hf://org/spam")
    assert place.pull().code == 0
    blobs = {blob.read_bytes() for blob in place.cache.rglob("blobs/*")}
    for file in place.cache.rglob(f"snapshots/*/{path}"):
        file.unlink()
    for blob in place.cache.rglob("blobs/*"):
        blob.unlink()
    lie = place.hub.lies[path] = b"x" * len(SMALL[path])
    assert f"org/spam: the hub sends other bytes for {path} than" in place.refusal()
    left = {blob.read_bytes() for blob in place.cache.rglob("blobs/*[!l]")}  # no .partial of others
    assert left <= blobs - {lie}


def test_a_damaged_file_in_the_cache_is_fetched_again(place: Place) -> None:
    place.hub.put("org/spam", SMALL)
    place.model("spam", "hf://org/spam")
    assert place.pull().code == 0
    for file in place.cache.rglob("snapshots/*/model.safetensors"):
        file.write_bytes(b"WEIGHTS")
    assert place.pull().code == 0
    assert place.files("org/spam") == SMALL


def test_bytes_in_the_store_that_repositories_share_become_its_own(place: Place) -> None:
    place.hub.put("org/spam", SMALL)
    place.model("spam", "hf://org/spam")
    assert place.pull().code == 0
    (blob,) = {path.resolve() for path in place.cache.rglob("snapshots/*/model.safetensors")}
    shared = place.cache / "hub" / "blobs" / "ab"
    shared.mkdir(parents=True)
    blob.rename(shared / blob.name)
    blob.symlink_to(shared / blob.name)
    place.hub.requests.clear()
    assert place.pull().code == 0
    assert place.hub.requests == []
    assert not blob.is_symlink()
    assert blob.read_bytes() == SMALL["model.safetensors"]


def test_without_a_hub_it_says_what_to_do(place: Place) -> None:
    place.model("spam", "hf://org/spam")
    line = place.refusal(HF_HUB_OFFLINE="1")
    assert "org/spam is not on this machine, and HF_HUB_OFFLINE forbids to fetch it" in line
    line = place.refusal(HF_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached (ConnectError); check the network, or set HF_ENDPOINT" in line


def test_what_is_not_on_the_hub(place: Place) -> None:
    place.hub.put("org/spam", SMALL)
    place.hub.put("org/empty", SURPRISES)
    for uri, says in (
        ("hf://org/typo", "org/typo is not on 127.0.0.1"),
        ("hf://org/spam@v2", "org/spam has no revision v2"),
        ("hf://org/empty", "org/empty holds no checkpoint"),
    ):
        place.model("spam", uri)
        assert says in place.refusal()


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(place: Place) -> None:
    place.hub.put("org/spam", SMALL)
    place.hub.sizes["model.safetensors"] = 10**15
    place.model("spam", "hf://org/spam")
    assert "1,000,000.0 GB are to come" in place.refusal()
    assert not place.hub.sent


def test_a_lock_that_cannot_be_written_is_told_before_anything_is_fetched(place: Place) -> None:
    place.hub.put("org/spam", SMALL)
    place.model("spam", "hf://org/spam")
    line = place.refusal("--lock", "nowhere/my.lock")
    assert line == (
        "chorus: my.lock is to pin org/spam and cannot be written; run chorus pull where it can, "
        "or choose another place with --lock or CHORUS_MODELS_LOCK"
    )
    assert place.hub.requests == []
    assert place.pull(CHORUS_MODELS_LOCK="my.lock").code == 0
    assert (place.root / "my.lock").exists()
    assert not place.lock_file.exists()


@pytest.mark.parametrize("path", ["../evil.safetensors", "/evil.safetensors", "a//b.safetensors"])
def test_a_hub_cannot_name_a_file_outside_of_its_repository(place: Place, path: str) -> None:
    place.hub.put("org/spam", {**SMALL, path: b"evil"})
    place.model("spam", "hf://org/spam")
    assert "lists a file with an impossible name" in place.refusal()
    assert not list(place.root.rglob("evil*"))


def test_settings_and_lock_must_agree(place: Place) -> None:
    first = place.hub.put("org/spam", SMALL)
    place.hub.put("org/spam", {**SMALL, "config.json": b"4"}, branch="v2")
    place.model("spam", f"hf://org/spam@{first}")
    assert place.pull().code == 0
    place.model("spam", "hf://org/spam@v2")
    line = place.refusal()
    assert f"the lock pins org/spam at {first}, its settings ask for v2; run chorus pull" in line
    assert place.pull("--update").code == 0
    assert place.files("org/spam")["config.json"] == b"4"
    place.model("other", "hf://org/spam")
    assert "org/spam is asked for at main and at v2" in place.refusal()
    place.lock_file.write_text("{}")
    assert "models.lock: it is not a lock of models; restore it" in place.refusal("spam")


def test_a_tokenizer_of_another_repository_is_pulled_without_its_weights(place: Place) -> None:
    place.hub.put("org/spam", SMALL)
    place.hub.put("org/base", SMALL)
    place.model("spam", "hf://org/spam", task="fill-mask", pretrained_tokenizer="org/base")
    rows = place.pull("--json").rows
    assert [row["repository"] for row in rows] == ["org/spam", "org/base"]
    assert set(place.files("org/base")) == set(CONFIGURATION)
    place.model("base", "hf://org/base")
    (row,) = place.pull("--json", "base").rows
    assert row["state"] == "extended"
    assert set(place.files("org/base")) == set(SMALL)
    assert len(place.lock.models) == 2


def test_models_that_come_from_no_hub(place: Place, hub: Hub) -> None:
    place.model("local", "./weights")
    assert "none of these models is made from a repository" in place.refusal(code=2)
    assert "no model named typo" in place.refusal("typo", code=2)
    assert hub.requests == []
