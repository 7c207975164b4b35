"""Recordings from bytes: the header is read first, then samples, mixed and resampled in pieces."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chorus_http.media.errors import Damaged, UnknownFormat
from chorus_http.media.formats import recording_format

CHANNELS = range(1, 17)
RATES = range(1000, 384_001)
"""Samples per second, of each channel."""
FULL_SECOND = 96_000
"""Samples of a second of 48 kHz in stereo; what has more in it counts for longer."""
SHORTEST = 40
"""So many of the shortest are a second: models of speech look at 25 ms at a time, or fail."""
LOUDEST = 2.0**31
"""Full scale is 1, or that of an integer of 32 bits; of squares of much more, sums are infinite."""
BLOCK = 1 << 16
"""Frames that are decoded at a time: 4 MiB of 16 channels."""

# libsndfile knows five times as many, which nobody sends and few have looked at.
_CONTAINERS = frozenset({"WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF"})
_ENCODINGS = frozenset(
    {
        *("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
        *("VORBIS", "OPUS", "MPEG_LAYER_III"),
    }
)

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class OpenedRecording:
    """A recording of which only the header has been read."""

    data: bytes
    rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        """How long it is, or how long it counts for."""
        return max(self.frames / self.rate, self.frames * self.channels / FULL_SECOND)

    def samples_at(self, rate: int) -> int:
        """About how many samples it has in mono at a rate."""
        return self.frames * rate // self.rate + 1

    def decode(self, rate: int) -> Samples:
        """Mono float32 samples at `rate` per second. Raises Damaged."""
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                samples = np.concatenate([*self._pieces(rate)])
        except Exception:  # soundfile raises RuntimeError and its own
            raise Damaged("the recording is broken or cut off") from None
        return checked(samples, rate)

    def _pieces(self, rate: int) -> Iterator[Samples]:
        """Never more than the header says, whatever follows."""
        resample = _resampler(self.rate, rate)
        with _opened(self.data) as file:
            for _ in range(0, self.frames, BLOCK):
                block = file.read(BLOCK, dtype="float32", always_2d=True)
                yield resample(block.mean(axis=1, dtype=np.float32), False)
        yield resample(np.empty(0, np.float32), True)


def open_recording(data: bytes) -> OpenedRecording:
    """Read a recording's header. Raises UnknownFormat, Damaged."""
    recording_format(data)
    try:
        with _opened(data) as file:
            container, encoding = file.format, file.subtype
            opened = OpenedRecording(data, file.samplerate, file.channels, file.frames)
    except Exception:
        raise Damaged("the recording is broken or cut off") from None
    if container not in _CONTAINERS or encoding not in _ENCODINGS:
        raise UnknownFormat("the recording is packed in a way that is not read; send WAV or FLAC")
    if opened.rate not in RATES or opened.channels not in CHANNELS:
        raise Damaged(
            f"the recording must have {RATES[0]} to {RATES[-1]} samples per second, and 1 to "
            f"{CHANNELS[-1]} channels"
        )
    return opened


class _Bytes(io.BytesIO):
    """A file that is never left by its beginning.

    On a broken recording libsndfile tries; the error could not pass through its C, and would be
    written to the log each time.
    """

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: len(self.getbuffer())}
        return super().seek(max(start[whence] + offset, 0))


def checked(samples: Samples, rate: int) -> Samples:
    """The samples, if a model can make something of them. Raises Damaged."""
    if len(samples) < rate // SHORTEST:
        raise Damaged(f"the recording must be at least {1000 // SHORTEST} ms long")
    if not (np.abs(samples) <= LOUDEST).all():  # of NaN nothing is true
        raise Damaged("the recording has samples that are not finite, or far too large")
    return samples


def _opened(data: bytes) -> Any:
    import soundfile  # type: ignore[import-untyped]

    return soundfile.SoundFile(_Bytes(data))


def _resampler(rate: int, wanted: int) -> Callable[[Samples, bool], Samples]:
    if rate == wanted:
        return lambda samples, last: samples
    import soxr  # type: ignore[import-untyped]

    piece: Callable[[Samples, bool], Samples] = soxr.ResampleStream(
        rate, wanted, 1, dtype="float32"
    ).resample_chunk
    return piece
