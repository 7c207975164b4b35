"""T40: valid files of every format with something changed end in an answer or a refusal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from tests.chorus_gateway.media.files import encoded
from tests.chorus_http.media.files import recording
from tests.chorus_http.media.test_bare import FILES, noise
from tests.conftest import unexpected
from tests.reliability.media_servers import MediaServers
from tests.reliability.seeds import fresh_seed, quick_seed

from chorus_gateway.errors import BadInput, MediaTypeUnsupported
from chorus_gateway.media import files
from chorus_gateway.media.limits import MediaLimits
from chorus_gateway.tasks.forms import Kind
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import media as plugin
from mlserver_chorus.pipelines.undecoded import decoded

Mutation = Callable[[Random, bytes], bytes]

SOUNDS: dict[str, Callable[[], bytes]] = {
    **{
        name: partial(recording, name, seconds=0.1)
        for name in ("WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF")
    },
    "Opus": lambda: recording("OGG", "OPUS", seconds=0.1, rate=48_000, channels=2),
    "floats": lambda: recording("WAV", "FLOAT", seconds=0.1, channels=2),
}
IMAGES: dict[str, Callable[[], bytes]] = {
    **FILES,
    "PNG, interlaced in name": lambda: _flagged(encoded(noise(), "PNG"), 28, 1),
}
FILES_OF: dict[Kind, dict[str, Callable[[], bytes]]] = {"image": IMAGES, "audio": SOUNDS}
CASES: list[tuple[Kind, str]] = [(kind, name) for kind in FILES_OF for name in FILES_OF[kind]]
QUICK, SLOW = 40, 1000  # of each file
LIMITS = MediaLimits(max_pixels=1_000_000)


def _flagged(data: bytes, place: int, value: int) -> bytes:
    return data[:place] + bytes([value]) + data[place + 1 :]


def _flipped(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        changed[_place(random, data)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _place(random: Random, data: bytes) -> int:
    """Headers are where most goes wrong, so every other one is there."""
    return random.randrange(min(len(data), 100) if random.random() < 0.5 else len(data))


def _numbers(random: Random, data: bytes) -> bytes:
    """The extremes of a field of some width."""
    at, width = _place(random, data), random.choice([1, 2, 4, 8])
    value = random.choice([b"\0" * width, b"\xff" * width, b"\x7f" + b"\xff" * (width - 1)])
    return data[:at] + value + data[at + width :]


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _removed(random: Random, data: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at + random.randint(1, 50) :]


def _inserted(random: Random, data: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + random.randbytes(random.randint(1, 50)) + data[at:]


def _repeated(random: Random, data: bytes) -> bytes:
    """A part of it again and again."""
    at = _place(random, data)
    end = at + random.randint(1, 200)
    return data[:end] + data[at:end] * random.randint(1, 100) + data[end:]


def _headless(random: Random, data: bytes) -> bytes:
    """The first bytes of its format, and then anything."""
    return data[: random.randint(4, 40)] + random.randbytes(random.randint(0, 2000))


MUTATIONS: tuple[Mutation, ...] = (
    *(_flipped, _numbers, _cut, _removed, _inserted, _repeated, _headless),
)


def mutants(random: Random, kind: Kind, name: str, count: int) -> list[bytes]:
    data = FILES_OF[kind][name]()
    return [random.choice(MUTATIONS)(random, data) for _ in range(count)]


def in_the_gateway(kind: Kind, data: bytes) -> None:
    with contextlib.suppress(BadInput, MediaTypeUnsupported):
        files.decode(files.open_file(kind, data, LIMITS))


def in_the_model_server(kind: Kind, data: bytes) -> None:
    budget = plugin.Budget(1_000_000, 600.0)
    with contextlib.suppress(InvalidRequest):
        if kind == "audio":
            decoded(plugin.recording(data, "f", budget, 16_000))
        else:
            decoded(plugin.image(data, "f", budget))


@pytest.mark.filterwarnings("error", "ignore::UserWarning")
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_t40_a_changed_file_is_decoded_or_refused(kind: Kind, name: str) -> None:
    for mutant in mutants(Random(quick_seed()), kind, name, QUICK):
        in_the_gateway(kind, mutant)
        in_the_model_server(kind, mutant)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("error", "ignore::UserWarning")
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_t40_many_changed_files(kind: Kind, name: str) -> None:
    for mutant in mutants(Random(fresh_seed()), kind, name, SLOW):
        in_the_gateway(kind, mutant)
        in_the_model_server(kind, mutant)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_t40_changed_files_over_the_network(media: MediaServers, kind: Kind, name: str) -> None:
    model = "picture" if kind == "image" else "sound"
    for mutant in mutants(Random(fresh_seed()), kind, name, SLOW // 20):
        for answer in (media.upload(model, mutant), media.send(model, mutant)):
            assert answer.status_code < 500, answer.text
            assert answer.status_code == 200 or answer.json()["error"]
    assert not unexpected(media.server.log), media.server.log
    assert not unexpected(media.gateway.log), media.gateway.log
