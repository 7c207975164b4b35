"""A checkpoint is plain files below its folder; what leads elsewhere is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.chorus_weights.folders import checkpoint, snapshot, write

from chorus_weights.errors import CheckpointRefused
from chorus_weights.listing import files


def link(path: str, target: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / path).unlink(missing_ok=True)
        (folder / path).symlink_to(target)

    return spoil


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "vocab.txt")


def deep(folder: Path) -> None:
    write(folder, "a/" * 20 + "config.json", {})


def odd_name(folder: Path) -> None:
    write(folder, "two\nlines.json", {})


def name_of_no_encoding(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.json")).write_bytes(b"{}")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (link("vocab.txt", "/etc/passwd"), r"vocab\.txt is a link that leads out"),
        (link("config.json", "../config.json"), r"config\.json is a link that leads out"),
        (link("config.json", "../it-too/config.json"), r"config\.json is a link that leads out"),
        (link("vocab.txt", "nowhere"), r"vocab\.txt is a link to nothing"),
        (link("vocab.txt", "vocab.txt"), r"vocab\.txt is a link to nothing"),
        (link("sub", "."), "sub is no plain file"),
        (pipe, r"vocab\.txt is no plain file"),
        (deep, "lies too deep"),
        (odd_name, r"'two\\nlines\.json' has an odd name"),
        (name_of_no_encoding, r"'\\udcff\.json' has an odd name"),
    ],
)
def test_what_is_no_plain_file_below_is_named(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    write(tmp_path, "config.json", {})
    write(tmp_path, "it-too/config.json", {})
    folder = checkpoint(tmp_path / "it")
    spoil(folder)
    with pytest.raises(CheckpointRefused, match=words) as refusal:
        files(folder)
    assert str(refusal.value).isprintable()
    assert str(tmp_path) not in str(refusal.value)


def test_a_link_to_a_file_beside_it_is_that_file(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    link("vocab.txt", "tokenizer.json")(folder)
    found = {str(file.path): file for file in files(folder)}
    assert found["vocab.txt"].real == found["tokenizer.json"].real == folder / "tokenizer.json"


def test_the_links_of_a_snapshot_lead_to_its_blobs(tmp_path: Path) -> None:
    folder = snapshot(tmp_path)
    blobs = folder.parent.parent / "blobs"
    assert all(file.real.parent == blobs for file in files(folder, blobs))
    with pytest.raises(CheckpointRefused, match="leads out"):
        files(folder)
    link("config.json", "../../../other/blobs/0")(folder)
    write(tmp_path, "other/blobs/0", b"{}")
    with pytest.raises(CheckpointRefused, match=r"config\.json is a link that leads out"):
        files(folder, blobs)


def test_a_folder_of_too_many_files_is_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chorus_weights.listing._MOST_FILES", 4)
    with pytest.raises(CheckpointRefused, match="more than 4 files"):
        files(checkpoint(tmp_path / "it"))
