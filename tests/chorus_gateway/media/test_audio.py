from __future__ import annotations

import pytest
from tests.chorus_gateway.media.files import png, wav

from chorus_gateway.errors import MediaTypeUnsupported
from chorus_gateway.media.audio import check

# The beginnings that the formats' own documents give.
BEGINNINGS = {
    "flac": b"fLaC\0\0\0\x22",
    "ogg": b"OggS\0\2",
    "mp3 with tags": b"ID3\4\0\0",
    "mp3 without": b"\xff\xfb\x90\x64",
    "webm": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm",
    "m4a": b"\0\0\0\x1cftypM4A \0\0\0\0",
    "amr": b"#!AMR\n",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_recordings_pass_unchanged(beginning: bytes) -> None:
    data = beginning + bytes(100)
    assert check(data) is data


def test_a_wav_passes() -> None:
    assert check(wav()) == wav()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        png(),
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"#!/bin/sh\n",
        b"<html>",
        b"[playlist]\nFile1=/etc/passwd",
    ],
)
def test_anything_else_does_not(data: bytes) -> None:
    with pytest.raises(MediaTypeUnsupported, match="wav, flac"):
        check(data)
