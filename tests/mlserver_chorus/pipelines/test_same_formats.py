"""The gateway and the model server read the same formats: those that their decoders know."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from PIL import Image, features
from tests.chorus_gateway.media.files import encoded, picture
from tests.chorus_http.media.files import recording

from chorus_gateway.errors import BadInput, MediaTypeUnsupported
from chorus_gateway.media import files
from chorus_gateway.media.limits import MediaLimits
from chorus_http.media.formats import IMAGES, RECORDINGS
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import media
from mlserver_chorus.pipelines.undecoded import decoded

Kind = Literal["image", "audio"]
LIMITS = MediaLimits()

TAGGED = b"ID3\4\0\0\0\0\0\x15TIT2\0\0\0\x0b\0\0\3a title..."
SOUNDS: dict[str, Callable[[], bytes]] = {
    **{name: partial(recording, name) for name in RECORDINGS},
    "WAV, extensible": lambda: recording("WAVEX"),
    **{
        f"WAV, {encoding}": partial(recording, "WAV", encoding)
        for encoding in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
    },
    "FLAC of 24 bit": lambda: recording("FLAC", "PCM_24", rate=48_000, channels=2),
    "OGG with Opus": lambda: recording("OGG", "OPUS", rate=48_000),
    "AIFF, floats": lambda: recording("AIFF", "FLOAT"),
    "MP3 with tags": lambda: TAGGED + recording("MP3"),
}
# What libsndfile would decode, but nobody sends; and what it would not.
OTHER_SOUNDS: dict[str, Callable[[], bytes]] = {
    **{
        name: partial(recording, name)
        for name in ("AU", "CAF", "W64", "RF64", "NIST", "VOC", "SVX", "MAT5", "PAF", "IRCAM")
    },
    "WEBM": lambda: b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\x82\x84webm" * 9,
    "M4A": lambda: b"\0\0\0\x1cftypM4A \0\0\0\0" * 99,
    "AMR": lambda: b"#!AMR\n" + bytes(999),
    "a playlist": lambda: b"#EXTM3U\n/etc/passwd\n",
    "an image": lambda: encoded(picture(), "WEBP"),
}


def refusals(kind: Kind, data: bytes) -> tuple[str | None, str | None]:
    """What the gateway and the model server say of a file."""
    gateway = server = None
    try:
        files.decode(files.open_file(kind, data, LIMITS))
    except (BadInput, MediaTypeUnsupported) as error:
        gateway = str(error)
    try:
        decode(kind, data)
    except InvalidRequest as error:
        server = str(error).removeprefix("f: ")
    return gateway, server


def decode(kind: Kind, data: bytes) -> Any:
    budget = media.Budget(1_000_000, 60.0)
    if kind == "audio":
        return decoded(media.recording(data, "f", budget, 16_000))
    return decoded(media.image(data, "f", budget))


@pytest.mark.parametrize("name", SOUNDS)
def test_both_take_a_recording(name: str) -> None:
    data = SOUNDS[name]()
    assert refusals("audio", data) == (None, None)
    samples = decode("audio", data)
    assert samples.dtype == np.float32
    assert 0.3 < np.abs(samples[1000:6000]).max() < 0.7


@pytest.mark.parametrize("name", OTHER_SOUNDS)
def test_both_refuse_a_recording_in_the_same_words(name: str) -> None:
    gateway, server = refusals("audio", OTHER_SOUNDS[name]())
    assert gateway is not None
    assert "none of WAV, FLAC, OGG, MP3, AIFF" in gateway
    assert gateway == server


@pytest.mark.parametrize("encoding", ["IMA_ADPCM", "MS_ADPCM", "GSM610", "NMS_ADPCM_16"])
def test_what_only_the_decoder_can_tell_is_refused_by_it(encoding: str) -> None:
    data = recording("WAV", encoding, rate=8000)
    gateway, server = refusals("audio", data)
    assert gateway is None
    assert server is not None
    assert "send WAV or FLAC" in server


@pytest.mark.parametrize("name", IMAGES)
def test_both_take_an_image(name: str) -> None:
    data = encoded(picture((30, 20)), name)
    assert refusals("image", data) == (None, None)
    ours = files.decode(files.open_file("image", data, LIMITS))
    theirs = decode("image", data)
    assert isinstance(ours, Image.Image)
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", ["TIFF", "ICO", "PPM", "TGA", "PCX", "EPS", "PDF", "JPEG2000"])
def test_both_refuse_an_image_in_the_same_words(name: str) -> None:
    if name == "JPEG2000" and not features.check("jpg_2000"):
        pytest.fail("this Pillow cannot write the file that is to be refused")
    gateway, server = refusals("image", encoded(picture((30, 20)), name))
    assert gateway is not None
    assert "none of PNG, JPEG, WEBP, GIF, BMP" in gateway
    assert gateway == server


def test_every_format_that_is_read_can_be_written_here() -> None:
    assert set(RECORDINGS) <= set(soundfile.available_formats())
    with io.BytesIO() as file:
        picture().save(file, "WEBP")
