"""The sounds of the examples: bells, hands that clap, and a voice that sings vowels."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
"""Samples per second, what models of speech take."""

Samples = NDArray[np.float64]

# The first three resonances of the mouth in Hz for each vowel: Peterson and Barney's averages.
FORMANTS: Final = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
WIDTH: Final = 90.0  # Hz, of a resonance


def bells() -> Samples:
    """Two strokes, each of a few partials that die away."""
    samples = _stroke(523.25, 1.0)
    second = _stroke(392.0, 0.7)
    samples[-len(second) :] += second
    return samples


def clapping() -> Samples:
    """Five bursts of noise."""
    noise = np.random.default_rng(7).normal(size=RATE)
    seconds = np.arange(RATE) / RATE
    return noise * np.exp(-60 * (seconds % 0.2))


def vowels() -> Samples:
    """A, e, i, o, u on one tone: harmonics, the louder the nearer to a resonance."""
    return np.concatenate([_vowel(FORMANTS[name]) for name in "aeiou"])


SOUNDS: Final[Mapping[str, Callable[[], Samples]]] = {
    "bells.wav": bells,
    "clapping.wav": clapping,
    "vowels.wav": vowels,
}


def wav(samples: Samples) -> bytes:
    """A WAV file, mono, of 16 bits, at 0.8 of full scale."""
    scaled = samples / np.abs(samples).max() * 0.8 * np.iinfo(np.int16).max
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(scaled.astype("<i2").tobytes())
    return file.getvalue()


def _stroke(pitch: float, seconds: float) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    partials = ((1.0, 1.0, 3.0), (2.0, 0.6, 4.0), (2.76, 0.4, 6.0), (5.4, 0.2, 9.0))
    tones = (
        loud * np.exp(-fade * time) * np.sin(2 * np.pi * pitch * ratio * time)
        for ratio, loud, fade in partials
    )
    return np.asarray(sum(tones))


def _vowel(formants: tuple[int, ...], pitch: float = 140.0, seconds: float = 0.25) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    harmonics = np.arange(pitch, RATE / 2, pitch)
    gains = sum(1 / (1 + ((harmonics - peak) / WIDTH) ** 2) for peak in formants)
    tones = np.sin(2 * np.pi * harmonics[:, None] * time) * np.asarray(gains)[:, None]
    swell = np.minimum(1, 20 * np.minimum(time, time[::-1]))
    return np.asarray(tones.sum(axis=0) * swell)
