"""T40: a file that would cost much more than it shows is refused, and has cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from tests.chorus_gateway.media.files import png
from tests.chorus_http.media.files import (
    BOMBS,
    MIB,
    flac_claiming,
    flac_silence,
    recording,
    wav_claiming,
)
from tests.conftest import Runtime
from tests.reliability.media_servers import MediaServers
from tests.reliability.memory import peak_growth

GROWTH_MIB = 30
# What is a bomb by something that is left out before it is decoded: the picture is answered.
DEFUSED = frozenset(
    {
        "PNG with 60 MiB of packed text",
        "PNG with a profile of 100 MiB",
        "PNG with tags of 500 MiB",
        "JPEG with tags of 300 MiB",
        "GIF of 10,000 frames",
    }
)
SOUNDS: dict[str, Callable[[], bytes]] = {
    "FLAC of two hours": lambda: flac_silence(7200, 8000, 1),
    "FLAC of 2 minutes in 8 channels of 192 kHz": lambda: flac_silence(120, 192_000, 8),
    "FLAC that claims 49 days": lambda: flac_claiming(2**36 - 1),
    "FLAC of unknown length": lambda: flac_claiming(0),
    "WAV at 1 Hz": lambda: wav_claiming(rate=1),
    "WAV at 10 MHz": lambda: wav_claiming(rate=10_000_000),
    "WAV of 1000 channels": lambda: wav_claiming(channels=1000),
    "MP3 of junk": lambda: b"\xff\xfb\x90\x64" + bytes(2 * MIB),
    "WAV with 200,000 empty parts": lambda: (
        wav_claiming()[:36] + b"abcd\0\0\0\0" * 200_000 + wav_claiming()[36:]
    ),
}


@pytest.fixture(params=["gateway", "model server"])
def asked(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def post(media: MediaServers, where: str, model: str, file: bytes) -> httpx.Response:
    return media.upload(model, file) if where == "gateway" else media.send(model, file)


@contextmanager
def costing_nothing(media: MediaServers, *processes: Runtime) -> Iterator[None]:
    """Each of the processes grows by less than GROWTH_MIB, and answers afterwards."""
    with (
        peak_growth(processes[0].process.pid) as first,
        peak_growth(processes[-1].process.pid) as last,
    ):
        yield
    assert max(first.mib, last.mib) < GROWTH_MIB
    assert media.upload("picture", png()).status_code == 200


@pytest.fixture(scope="module", autouse=True)
def warm(media: MediaServers) -> None:
    """Whatever is made once, like threads and decoders, is there."""
    large = png((700, 700)) + bytes(2 * MIB)
    for where in ("gateway", "model server"):
        for _ in range(3):
            assert post(media, where, "picture", large).status_code == 200
            assert post(media, where, "sound", recording(seconds=20)).status_code == 200


@pytest.mark.parametrize("name", BOMBS)
def test_t40_an_image(media: MediaServers, asked: str, name: str) -> None:
    file = BOMBS[name]()
    assert len(file) < 3 * MIB
    with costing_nothing(media, media.gateway, media.server):
        answer = post(media, asked, "picture", file)
    if name in DEFUSED:
        assert answer.status_code == 200, answer.text
        return
    assert answer.status_code in (400, 415), answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("name", SOUNDS)
def test_t40_a_recording(media: MediaServers, asked: str, name: str) -> None:
    file = SOUNDS[name]()
    with costing_nothing(media, media.gateway, media.server):
        answer = post(media, asked, "sound", file)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]


def test_t40_a_file_that_is_too_large(media: MediaServers) -> None:
    with costing_nothing(media, media.gateway, media.server):
        answer = media.upload("picture", png() + bytes(33 * MIB))
    assert answer.status_code == 413, answer.text


def test_t40_no_other_program_is_started(media: MediaServers) -> None:
    """Ghostscript, for one: each bomb above has been sent, PostScript among them."""
    for where in ("gateway", "model server"):
        for name in ("PostScript", "PDF"):
            assert post(media, where, "picture", BOMBS[name]()).status_code in (400, 415)
    assert "subprocess" not in media.opened


@pytest.mark.slow
def test_t40_others_are_answered_meanwhile(media: MediaServers) -> None:
    """The longest time for which a gateway that refuses bombs answers nobody."""
    files = [make() for make in BOMBS.values()]
    longest = min(_longest_pause(media, files) for _ in range(5)) * 1000
    print(f"the event loop stood still for {longest:.0f} ms at most")  # noqa: T201
    assert longest < 50


def _longest_pause(media: MediaServers, files: list[bytes]) -> float:
    url, longest = f"{media.gateway.url}/healthz", 0.0
    with ThreadPoolExecutor(1) as other, httpx.Client() as client:
        client.get(url)
        sent = [other.submit(media.upload, "picture", file) for file in files]
        while not all(one.done() for one in sent):
            started = time.perf_counter()
            client.get(url)
            longest = max(longest, time.perf_counter() - started)
    return longest
