"""The files of the examples."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from PIL import Image

from chorus_ui.panels.examples.draw import PICTURES
from chorus_ui.panels.examples.files import FOLDER
from chorus_ui.panels.examples.play import RATE, SOUNDS, wav


def test_the_files_are_those_that_are_made() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*PICTURES, *SOUNDS}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_its_function_draws(name: str) -> None:
    with Image.open(FOLDER / name) as file:
        kept = np.asarray(file.convert("RGB"), dtype=int)
    # Another Pillow or FreeType may draw the edge of a letter a shade otherwise.
    difference = np.abs(kept - np.asarray(PICTURES[name](), dtype=int))
    assert difference.mean() < 1


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_what_its_function_plays(name: str) -> None:
    kept, made = samples((FOLDER / name).read_bytes()), samples(wav(SOUNDS[name]()))
    assert len(kept) == len(made)
    assert np.abs(kept - made).max() <= 2  # sines of another processor
    assert np.abs(kept).max() > 20_000


def samples(file: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    with wave.open(io.BytesIO(file)) as opened:
        assert (opened.getnchannels(), opened.getframerate()) == (1, RATE)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.int64)
