"""Kinds of files by name; and that none that transformers opens is taken for idle."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.chorus_weights.folders import checkpoint, write

from chorus_weights import verify
from chorus_weights.errors import CheckpointRefused
from chorus_weights.kinds import REFUSED, is_idle


@pytest.mark.parametrize("suffix", sorted(REFUSED))
def test_what_is_refused_wherever_it_lies(tmp_path: Path, suffix: str) -> None:
    folder = checkpoint(tmp_path / "it")
    for path in (f"extra{suffix}", f"sub/extra{suffix.upper()}"):
        write(folder, path, b"")
        with pytest.raises(CheckpointRefused, match=rf"^{path} .*; delete it$"):
            verify.check(folder)
        (folder / path).unlink()
    verify.check(folder)


@pytest.mark.parametrize(
    "name",
    [
        *("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "tf_model.h5"),
        *("adapter_model.bin", "custom_generate/generate.py", "pytorch_model.bin", "a.tar.gz"),
    ],
)
def test_what_trainers_and_other_libraries_leave(tmp_path: Path, name: str) -> None:
    write(checkpoint(tmp_path / "it"), name, b"")
    with pytest.raises(CheckpointRefused, match=f"^{name} "):
        verify.check(tmp_path / "it")


def test_pickled_weights_only_where_nothing_is_safer(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, "2_Dense/pytorch_model.bin", b"")
    verify.check(folder)
    write(folder, "2_Dense/model.safetensors", b"")
    with pytest.raises(CheckpointRefused, match=r"^2_Dense/pytorch_model\.bin is a pickle beside"):
        verify.check(folder)


def test_nothing_that_transformers_opens_is_idle() -> None:
    """Its tokenizers name their files; its other files are constants."""
    from transformers import utils
    from transformers.models.auto import tokenization_auto as auto

    opened = {value for name, value in vars(utils).items() if name.endswith("_NAME")}
    for name in {name for name in auto.TOKENIZER_MAPPING_NAMES.values() if name}:
        opened |= set(_files_of(auto.tokenizer_class_from_name(name)).values())
    assert {"config.json", "model.safetensors", "spiece.model", "vocab.txt"} <= opened
    assert not [name for name in opened if is_idle(PurePosixPath(name))]


def _files_of(tokenizer: Any) -> dict[str, str]:
    """None of its own for a tokenizer that is made of others."""
    return getattr(tokenizer, "vocab_files_names", {})
