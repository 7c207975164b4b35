"""Images and recordings: from bytes alone, within limits."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image

from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import media
from mlserver_chorus.pipelines.media import Budget
from mlserver_chorus.pipelines.undecoded import decoded

BUDGET = 10_000


def image(value: Any, field: str, budget: Budget) -> Any:
    return decoded(media.image(value, field, budget))


def recording(value: Any, field: str, budget: Budget, rate: int) -> Any:
    return decoded(media.recording(value, field, budget, rate))


def budget() -> Budget:
    return Budget(BUDGET, 10.0)


def png(width: int = 8, height: int = 6, kind: str = "PNG", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), 100).save(file, format=kind)
    return file.getvalue()


def wav(seconds: float = 0.5, rate: int = 16000, channels: int = 1, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    times = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * 440 * times) * 0.5
    soundfile.write(file, np.stack([tone] * channels, axis=1), rate, format=kind)
    return file.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    "value",
    [
        png(),
        b64(png()),
        b64(png()).encode(),
        b64(png()).rstrip("="),
        "\n".join([b64(png())[:20], b64(png())[20:]]),
        "data:image/png;base64," + b64(png()),
        np.zeros((6, 8, 3), np.uint8),
        np.zeros((6, 8, 1), np.uint8),
    ],
)
def test_an_image_in_every_form(value: Any) -> None:
    assert image(value, "f", budget()).size == (8, 6)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP"])
def test_an_image_of_every_kind(kind: str) -> None:
    assert image(png(kind=kind), "f", budget()).size == (8, 6)


@pytest.mark.parametrize(
    "value",
    [
        "https://example.org/a.png",
        "http://127.0.0.1/a.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "./a.png",
        "data:text/plain;base64,aGVsbG8=",
        "data:image/png,abc",
        "",
        "é",
        b64(b"no image"),
        png()[:40],
        b64(png(kind="PPM")),
        b64(png(kind="TIFF")),
        None,
        3,
        np.zeros((6, 8, 3), np.float32),
        np.zeros((6, 8), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^f: ") as refused:
        image(value, "f", budget())
    assert "passwd" not in str(refused.value)
    assert "example" not in str(refused.value)


def test_the_images_of_a_request_share_its_pixels() -> None:
    shared = budget()
    image(png(100, 60), "f", shared)
    with pytest.raises(InvalidRequest, match="pixels"):
        image(png(100, 60), "f", shared)


def test_tensors_count_as_well() -> None:
    shared = budget()
    image(np.zeros((60, 100, 3), np.uint8), "f", shared)
    assert shared.bytes_at_most == 28 * 6000
    assert shared.bytes_kept == 4 * 6000
    with pytest.raises(InvalidRequest, match="pixels"):
        image(np.zeros((60, 100, 1), np.uint8), "f", shared)
    recording(np.zeros(16_000, np.float32), "f", shared, 16_000)
    assert shared.bytes_kept == 4 * (6000 + 16_000)
    with pytest.raises(InvalidRequest, match="seconds"):
        recording(np.zeros(160_000, np.float32), "f", shared, 16_000)


def test_the_number_of_images_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MOST_IMAGES", 3)
    shared = budget()
    for _ in range(3):
        image(png(1, 1), "f", shared)
    with pytest.raises(InvalidRequest, match="more than 3 images"):
        image(png(1, 1), "f", shared)


def test_many_small_images_are_not_free() -> None:
    shared = budget()
    for _ in range(100):
        image(png(1, 1), "f", shared)
    assert shared.bytes_kept > 100_000


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(InvalidRequest, match="pixels"):
        image(png(20_000, 1000, mode="1"), "f", budget())


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_a_recording_of_every_kind(kind: str) -> None:
    samples = recording(wav(kind=kind), "f", budget(), 16000)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert 0.3 < np.abs(samples[2000:6000]).max() < 0.6


def test_a_recording_is_mixed_and_resampled() -> None:
    samples = recording(b64(wav(rate=44100, channels=2)), "f", budget(), 16000)
    assert abs(len(samples) - 8000) <= 1
    times = np.arange(len(samples)) / 16000
    expected = np.sin(2 * np.pi * 440 * times) * 0.5
    assert np.abs(samples - expected)[200:-200].max() < 0.01


def test_samples_are_taken_as_they_are() -> None:
    given = np.linspace(-1, 1, 1000, dtype=np.float64)
    assert recording(given, "f", budget(), 16000) == pytest.approx(given)


@pytest.mark.parametrize(
    "value",
    [
        "https://example.org/a.wav",
        "/etc/passwd",
        b64(b"no audio"),
        b"",
        wav(0),
        png(),
        np.zeros((2, 100), np.float32),
        np.zeros(100, np.int16),
        np.zeros(0, np.float32),
        np.full(100, np.nan, np.float32),
        None,
    ],
)
def test_what_is_no_recording_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^f: "):
        recording(value, "f", budget(), 16000)


def test_the_recordings_of_a_request_share_its_seconds() -> None:
    with pytest.raises(InvalidRequest, match="seconds"):
        recording(wav(11.0, rate=8000), "f", budget(), 16000)
