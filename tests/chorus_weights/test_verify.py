"""A folder that is as the lock says passes; anything else is refused before it is parsed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chorus_weights.folders import COMMIT, checkpoint, locked, snapshot, write

from chorus_weights import verify
from chorus_weights.errors import CheckpointRefused
from chorus_weights.lock import LockedModel


@dataclass(frozen=True)
class Pinned:
    """A snapshot in the hub's cache and its lock, which is of before a test changes it."""

    folder: Path
    lock: LockedModel

    def check(self) -> None:
        verify.check(self.folder, self.lock)

    def replace(self, path: str, content: bytes) -> None:
        """Other bytes under a locked name."""
        (self.folder / path).unlink()
        (self.folder / path).write_bytes(content)


@pytest.fixture
def pinned(tmp_path: Path) -> Pinned:
    folder = snapshot(tmp_path)
    return Pinned(folder, locked(folder))


def test_what_is_locked_passes(pinned: Pinned) -> None:
    pinned.check()


def test_a_folder_without_a_lock_passes(tmp_path: Path) -> None:
    verify.check(checkpoint(tmp_path / "it"))


def test_the_folder_itself_may_be_a_link(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "standin").symlink_to(checkpoint(tmp_path / "it"))
    verify.check(tmp_path / "standin")
    (tmp_path / "latest").symlink_to(pinned.folder)
    verify.check(tmp_path / "latest", pinned.lock)


def change_a_byte(pinned: Pinned) -> None:
    pinned.replace("model.safetensors", b"weightz")


def change_a_byte_in_the_cache(pinned: Pinned) -> None:
    (pinned.folder / "model.safetensors").resolve().write_bytes(b"weightz")


def cut_off(pinned: Pinned) -> None:
    pinned.replace("model.safetensors", b"weight")


def remove(pinned: Pinned) -> None:
    (pinned.folder / "tokenizer.json").unlink()


def add_to_what_a_loader_reads(pinned: Pinned) -> None:
    write(pinned.folder, "adapter_config.json", {"peft_type": "LORA"})


def add_what_nobody_knows(pinned: Pinned) -> None:
    write(pinned.folder, "1_Pooling/words.dat", b"")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change_a_byte, r"model\.safetensors has other bytes than models\.lock says"),
        (change_a_byte_in_the_cache, r"model\.safetensors has other bytes"),
        (cut_off, r"model\.safetensors has 6 bytes, models\.lock says 7"),
        (remove, r"tokenizer\.json is missing; run chorus pull"),
        (add_to_what_a_loader_reads, r"adapter_config\.json is not in models\.lock"),
        (add_what_nobody_knows, r"1_Pooling/words\.dat is not in models\.lock; delete it, or"),
    ],
)
def test_what_differs_from_the_lock_is_named(
    pinned: Pinned, spoil: Callable[[Pinned], None], words: str
) -> None:
    spoil(pinned)
    with pytest.raises(CheckpointRefused, match=f"^{words}"):
        pinned.check()


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "assets/plot.png", "onnx/model.onnx"])
def test_what_nobody_opens_may_lie_beside_it(pinned: Pinned, name: str) -> None:
    write(pinned.folder, name, b"whatever")
    pinned.check()


def test_another_revision_is_refused(pinned: Pinned) -> None:
    other = pinned.folder.rename(pinned.folder.with_name(COMMIT[::-1]))
    with pytest.raises(CheckpointRefused, match="another revision"):
        verify.check(other, pinned.lock)


def test_bytes_are_compared_before_documents_are_parsed(pinned: Pinned) -> None:
    """What is not JSON would be told otherwise."""
    size = (pinned.folder / "config.json").stat().st_size
    pinned.replace("config.json", b"{" * size)
    with pytest.raises(CheckpointRefused, match=r"config\.json has other bytes"):
        pinned.check()


def test_a_lock_allows_no_code(tmp_path: Path) -> None:
    """Whoever wrote the lock may have pinned it in good faith."""
    folder = checkpoint(tmp_path / COMMIT)
    write(folder, "config.json", {"auto_map": {"AutoModel": "modeling.Model"}})
    with pytest.raises(CheckpointRefused, match="auto_map"):
        verify.check(folder, locked(folder))
    checkpoint(folder)
    write(folder, "modeling.py", b"")
    with pytest.raises(CheckpointRefused, match=r"modeling\.py is code"):
        verify.check(folder, locked(folder))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (checkpoint(tmp_path / "it") / "config.json").chmod(0)
    with pytest.raises(CheckpointRefused, match="cannot be read"):
        verify.check(tmp_path / "it")


# --------------------------------------------------------------------- who may write there


@pytest.mark.parametrize("path", [".", "config.json"])
def test_what_anybody_may_write_is_found(tmp_path: Path, path: str) -> None:
    folder = checkpoint(tmp_path / "it")
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    assert verify.writable_by_others(folder) is None
    (folder / path).chmod((folder / path).stat().st_mode | 0o002)
    assert verify.writable_by_others(folder) == path


def test_our_own_group_is_no_other(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    for place in (folder, *folder.iterdir()):
        place.chmod(0o775)
    assert verify.writable_by_others(folder) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_another_group_is(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    os.chown(folder / "config.json", -1, os.getegid() + 1)
    (folder / "config.json").chmod(0o664)
    assert verify.writable_by_others(folder) == "config.json"
