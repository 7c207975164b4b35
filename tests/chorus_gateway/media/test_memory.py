"""The memory of images on their way: waited for in turn, and given back whatever happens."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest
from tests.chorus_gateway.media.files import png, wav

from chorus_gateway.errors import BadInput, BodyTooLarge, Busy, UpstreamTimeout
from chorus_gateway.media import MOST_PIXELS, MediaLimits, MediaReader, files, reader
from chorus_gateway.prediction import Call, Predictor
from chorus_gateway.tasks.request import MediaSource, parse
from chorus_gateway.tasks.table import TASKS
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams
from chorus_http.media import images

SIZE = (100, 100)
LIMIT = 28 * 100 * 100 + 8192  # one image at a time, and others once they are small
OUTPUT = {
    "name": "output",
    "shape": [1, 1],
    "datatype": "BYTES",
    "data": ['[{"label": "a", "score": 1.0}]'],
    "parameters": {"content_type": "hg_jsonlist"},
}
ANSWER = orjson.dumps({"outputs": [OUTPUT]})


@dataclass
class Models:
    """Upstreams that answer when they are told to, and remember what they got."""

    answering: asyncio.Event = field(default_factory=asyncio.Event)
    bodies: list[bytes] = field(default_factory=list)
    error: Exception | None = None

    async def infer(self, target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
        self.bodies.append(body)
        await self.answering.wait()
        if self.error:
            raise self.error
        return ANSWER


@dataclass
class Stand:
    """A predictor with room for one image."""

    models: Models
    predictor: Predictor

    def ask(self) -> asyncio.Task[list[Any]]:
        return self.ask_for(png(SIZE))

    def ask_for(self, file: bytes) -> asyncio.Task[list[Any]]:
        image = base64.b64encode(file).decode()
        request = parse(TASKS["image-classification"], {"inputs": image}, {})
        call = Call(request, cast(Target, None), {}, len(image))
        return asyncio.create_task(self.predictor.results(call))

    async def reached(self, count: int) -> None:
        """Return once so many calls have come to the models."""
        while len(self.models.bodies) < count:
            await asyncio.sleep(0.001)


@pytest.fixture
async def media() -> AsyncIterator[MediaReader]:
    reader = MediaReader(MediaLimits(max_decoded_bytes=LIMIT))
    await reader.open()
    yield reader
    await reader.close()


@pytest.fixture
async def stand(media: MediaReader) -> AsyncIterator[Stand]:
    models = Models()
    predictor = Predictor(cast(Upstreams, models), media)
    yield Stand(models, predictor)
    predictor.close()


async def test_an_image_waits_until_there_is_room(stand: Stand) -> None:
    first, second = stand.ask(), stand.ask()
    await stand.reached(2)  # what is encoded takes little, though nobody has answered yet
    stand.models.answering.set()
    await asyncio.gather(first, second)


async def test_room_is_given_back_whatever_happens(stand: Stand) -> None:
    stand.models.error = UpstreamTimeout("late")
    stand.models.answering.set()
    with pytest.raises(UpstreamTimeout):
        await stand.ask()
    stand.models.answering.clear()
    leaver = stand.ask()
    await stand.reached(2)
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    stand.models.error = None
    stand.models.answering.set()
    await stand.ask()


async def test_one_that_is_broken_gives_its_room_back(stand: Stand) -> None:
    stand.models.answering.set()
    with pytest.raises(BadInput, match="broken or cut off"):
        await stand.ask_for(png(SIZE)[:-40])
    await stand.ask()


async def test_without_room_a_request_is_refused_in_the_end(
    media: MediaReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "PATIENCE", 0.05)
    opened = await media.open_all([MediaSource("image", png(SIZE))])
    async with media.memory(opened, "a"):
        with pytest.raises(Busy):
            async with media.memory(opened, "b"):
                pass
    async with media.memory(opened, "b"):
        pass


async def test_what_never_fits_is_the_caller_s_to_know(media: MediaReader) -> None:
    opened = await media.open_all([MediaSource("image", png((200, 100)))])
    with pytest.raises(BadInput, match="CHORUS_MAX_DECODED_BYTES"):
        async with media.memory(opened, "a"):
            pass


async def test_the_files_of_a_request_have_a_bound_together() -> None:
    media = MediaReader(MediaLimits(max_request_bytes=100))
    with pytest.raises(BodyTooLarge, match="100 bytes together"):
        await media.open_all([MediaSource("audio", wav(0.002))] * 3)
    await media.close()


async def test_so_has_their_number() -> None:
    media = MediaReader(MediaLimits(max_files=2))
    await media.open_all([MediaSource("image", png())] * 2)
    with pytest.raises(BadInput, match="at most 2 images and recordings"):
        await media.open_all([MediaSource("image", png())] * 3)
    await media.close()


async def test_files_are_looked_at_and_decoded_on_threads(
    media: MediaReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    for name in ("open_file", "decode"):
        work = getattr(files, name)

        def told(*arguments: Any, work: Any = work) -> Any:
            threads.append(threading.current_thread().name)
            return work(*arguments)

        monkeypatch.setattr(files, name, told)
    await media.decode_all(await media.open_all([MediaSource("image", png(SIZE))]))
    assert [name.partition("_")[0] for name in threads] == ["media", "media"]


def test_by_default_the_largest_request_fits() -> None:
    limits = MediaLimits()
    largest = [limits.max_pixels] * (limits.max_request_pixels // limits.max_pixels)
    assert images.memory(largest) <= limits.max_decoded_bytes
    assert limits.max_pixels <= MOST_PIXELS
