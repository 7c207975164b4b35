"""Recordings: what their headers say is believed only as an upper bound, and never costs more."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from tests.chorus_http.media.files import (
    flac_claiming,
    flac_silence,
    recording,
    wav_claiming,
)

from chorus_http.media.errors import Damaged, MediaError
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import media, recordings
from mlserver_chorus.pipelines.recordings import BLOCK, open_recording

ROOT = Path(__file__).parents[3]


def noise(frames: int, rate: int, channels: int) -> bytes:
    file = io.BytesIO()
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (frames, channels))
    soundfile.write(file, sound, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.parametrize("frames", [3000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (8000, 3)])
def test_in_pieces_it_is_the_same_as_at_once(frames: int, rate: int, channels: int) -> None:
    data = noise(frames, rate, channels)
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    mono = whole.mean(axis=1, dtype=np.float32)
    expected = mono if rate == 16_000 else soxr.resample(mono, rate, 16_000)
    assert np.array_equal(open_recording(data).decode(16_000), expected)


def test_a_wav_that_claims_two_gigabytes_is_as_long_as_it_is() -> None:
    opened = open_recording(wav_claiming(size=2**31 - 1))
    assert opened.seconds == 0.1
    assert len(opened.decode(16_000)) == 1600


@pytest.mark.parametrize("frames", [0, 2**36 - 1])
def test_a_flac_of_unknown_or_endless_length_is_too_long(frames: int) -> None:
    budget = media.Budget(1, 1800.0)
    with pytest.raises(InvalidRequest, match="too many seconds"):
        media.recording(flac_claiming(frames), "f", budget, 16_000)


def test_no_more_is_decoded_than_the_header_says() -> None:
    assert len(open_recording(flac_claiming(1000)).decode(16_000)) == 1000


@pytest.mark.parametrize(
    "data",
    [
        wav_claiming(rate=1),
        wav_claiming(rate=999),
        wav_claiming(rate=10_000_000),
        wav_claiming(rate=2**32 - 1),
        wav_claiming(channels=1000),
        wav_claiming(channels=17),
    ],
    ids=["1 Hz", "999 Hz", "10 MHz", "4 GHz", "1000 channels", "17 channels"],
)
def test_rates_and_channels_have_bounds(data: bytes) -> None:
    with pytest.raises(Damaged):
        open_recording(data)


def test_many_channels_at_a_high_rate_count_for_longer() -> None:
    opened = open_recording(flac_silence(2, 192_000, 8))
    assert opened.seconds == 2 * 16
    assert open_recording(flac_silence(2, 48_000, 2)).seconds == 2


def test_of_a_chain_only_the_first_link_is_read() -> None:
    chain = recording("OGG") + recording("OGG", rate=48_000, seconds=3)
    assert len(open_recording(chain).decode(16_000)) == 8000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16_000, 8000])
def test_a_sample_that_is_no_number(value: float, rate: int) -> None:
    file = io.BytesIO()
    sound = np.zeros(2000, np.float32)
    sound[1000] = value
    soundfile.write(file, sound, rate, format="WAV", subtype="FLOAT")
    with pytest.raises(Damaged, match="not finite"):
        open_recording(file.getvalue()).decode(16_000)


@pytest.mark.parametrize("value", [1e10, -1e10])
def test_a_sample_far_beyond_full_scale(value: float) -> None:
    sound = np.zeros(2000, np.float32)
    sound[1000] = value
    with pytest.raises(InvalidRequest, match="far too large"):
        media.recording(sound, "f", media.Budget(1, 1.0), 16_000)


def test_what_is_too_short_to_be_heard() -> None:
    with pytest.raises(Damaged, match="at least 25 ms"):
        open_recording(recording(seconds=0.02)).decode(16_000)
    with pytest.raises(InvalidRequest, match="at least 25 ms"):
        media.recording(np.zeros(399), "f", media.Budget(1, 1.0), 16_000)
    assert len(open_recording(recording(seconds=0.025)).decode(16_000)) == 400


@pytest.mark.filterwarnings("error")
def test_samples_too_large_to_be_mixed() -> None:
    file = io.BytesIO()
    sound = np.full((2000, 2), 3e38, np.float32)
    soundfile.write(file, sound, 16_000, format="WAV", subtype="FLOAT")
    with pytest.raises(Damaged, match="not finite"):
        open_recording(file.getvalue()).decode(16_000)
    with pytest.raises(InvalidRequest, match="not finite"):
        media.recording(np.full(900, 1e300), "f", media.Budget(1, 1.0), 16_000)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_a_recording_may_end_anywhere(kind: str) -> None:
    data = recording(kind)
    full = len(open_recording(data).decode(16_000))
    for end in [*range(0, 80, 3), *range(80, len(data), len(data) // 20)]:
        try:
            samples = open_recording(data[:end]).decode(16_000)
        except MediaError:
            continue
        assert 0 < len(samples) <= full


# Naively: 115 MB of samples as they are, as much again to mix them.
MEASURE = """
import pathlib, sys
from tests.chorus_http.media.files import flac_silence, recording
from mlserver_chorus.pipelines import media
from mlserver_chorus.pipelines.undecoded import decoded

def status(key):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

decoded(media.recording(recording(rate=48_000), "f", media.Budget(1, 60.0), 16_000))
data = flac_silence(300)
budget = media.Budget(1, 1800.0)
before = status("VmRSS:")
pathlib.Path("/proc/self/clear_refs").write_text("5")
samples = decoded(media.recording(data, "f", budget, 16_000))
print(len(samples), status("VmHWM:") - before, budget.bytes_at_most)
"""


def test_a_long_recording_takes_no_more_than_is_counted_for_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert run.returncode == 0, run.stderr
    samples, taken, counted = map(int, run.stdout.split())
    assert samples == 300 * 16_000
    # Two blocks of 16 channels, and what the allocator takes; another copy would be 19 MB or more.
    assert taken < counted + 16 * 4 * recordings.BLOCK * 4
