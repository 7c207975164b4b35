"""Any Hugging Face task on V2, in place of mlserver_huggingface.HuggingFaceRuntime."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from mlserver.settings import ModelSettings
from mlserver.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    Parameters,
)

from chorus_weights.source import Part

from .deadline import deadline_of, key_of_request
from .engine.errors import LoadError, UnknownModel
from .engine.loader import Loader
from .engine.timings import Timings
from .errors import InvalidRequest
from .pipelines import answers
from .pipelines.decoding import Decoding
from .pipelines.decoding import of_process as decoding_of_process
from .pipelines.events import Events
from .pipelines.in_flight import InFlight
from .pipelines.inputs import Reader
from .pipelines.lane import Lane
from .pipelines.media import Budget
from .pipelines.requests import Call, Rules, checked, parse
from .pipelines.tasks import Input, UnknownTask, find
from .pipelines.undecoded import decoded
from .runtime import ChorusModel, errors_for_callers
from .settings import PipelineExtra, parse_extra
from .tensors import described
from .traces import timed
from .weights import Weights, locate, named

if TYPE_CHECKING:
    from .pipelines.loading import Loaded

logger = logging.getLogger("mlserver.chorus")

# Rows of one forward pass where `max_batch_size` is left out: enough to fill a device, few enough
# for the memory that long texts take when they are padded.
DEFAULT_ROWS = 32
# For the forward pass under way to end, after the callers have heard that the model goes.
CLOSE_SECONDS = 10.0
_LOADER = Loader()
# What decodes files takes long enough to be felt on the event loop.
_DECODED = (Input.IMAGE, Input.AUDIO, Input.RECORD)


class Pipeline(ChorusModel):
    """Serves one checkpoint folder for one task; `parameters.extra` is a PipelineExtra."""

    _loaded: Loaded | None = None
    _lane: Lane | None = None
    _weights: Weights | None = None

    def __init__(self, settings: ModelSettings) -> None:
        self._rows = settings.max_batch_size or DEFAULT_ROWS
        super().__init__(settings)
        self._in_flight = InFlight()
        self._extra = parse_extra(PipelineExtra, settings)
        try:
            self._task, implied = find(self._extra.task, self._extra.task_suffix)
            defaults = implied | checked(self._extra.inference_kwargs, self._task)
        except (UnknownTask, InvalidRequest) as error:
            raise LoadError(f"model {settings.name}: parameters.extra: {error}") from None
        process = self._process
        self._rules = Rules(self._task, process.max_texts, process.max_new_tokens, defaults)
        self.max_request_bytes = process.max_media_request_bytes

    async def load(self) -> bool:
        """Load the weights and start the model's thread. Raises LoadError."""
        self._warn_of_the_ignored()
        self._weights = await asyncio.to_thread(self._locate)
        loop = asyncio.get_running_loop()
        loaded = await loop.run_in_executor(_LOADER, self._load, self._weights)
        self._loaded, self._lane = loaded, Lane(self.name, loaded.rows, self._max_wait)
        return True

    def _warn_of_the_ignored(self) -> None:
        for name in ("optimum_model", "inter_op_threads"):
            if getattr(self._extra, name):
                logger.warning("model %s: %s is ignored", self.name, name)

    def _locate(self) -> Weights:
        extra = self._extra
        weights = locate(
            self.settings,
            extra,
            self._weights_choice,
            extra.pretrained_model,
            lock_file=self._process.models_lock,
            registry=self._process.registry,
        )
        if weights.kind == "standin" and not weights.folder.is_dir():
            raise LoadError(
                f"model {self.name}: its stand-in is not made yet; `chorus serve` makes it, or "
                f"python -m chorus.standins.tasks {self.name}"
            )
        return weights

    def _load(self, weights: Weights) -> Loaded:
        # Imports torch and transformers: seconds, so never on the event loop.
        from .pipelines.loading import load

        extra = self._extra
        real = weights.kind != "standin"
        tokenizer = self._named(extra.pretrained_tokenizer, Part.TOKENIZER) if real else None
        vocoder = self._named(extra.pretrained_vocoder) if real else None
        return load(
            self.name,
            self._task,
            weights.folder,
            device=_device(extra.device, self._process.device),
            max_rows=self._rows,
            model_kwargs=extra.model_kwargs,
            tokenizer=tokenizer,
            vocoder=vocoder,
            intra_op_threads=extra.intra_op_threads,
            max_new_tokens=self._process.max_new_tokens,
        )

    def _named(self, pretrained: str | None, part: Part = Part.WHOLE) -> Path | None:
        if not pretrained:
            return None
        lock_file = self._process.models_lock
        return named(self.settings, pretrained, part, lock_file=lock_file).folder

    def refuse_early(self, headers: Mapping[str, str]) -> None:
        """Its lane counts inputs, and so refuses none that has not been read."""

    def queue_age(self) -> float:
        """For how many seconds the oldest of its inputs in line has waited; 0 without any."""
        return self._lane.queue_age() if self._lane else 0.0

    async def answer(self, request: InferenceRequest) -> InferenceResponse:
        """Run the task on the request's inputs."""
        with self._in_flight.one():
            loaded, lane = self._ready()
            deadline = self._deadline(request)
            async with self._call(request, loaded, deadline) as call:
                inputs = len(call.inputs)
                with timed(self.name, inputs) as timings, self.traffic.inputs(inputs):
                    elements = await lane.run(
                        call.inputs,
                        partial(loaded.run, call.options),
                        shares=_shares(call, loaded),
                        key=key_of_request(request),
                        deadline=deadline,
                        timings=timings,
                    )
        return self._respond([answers.output(answers.flat(elements[0]) if call.flat else elements)])

    def _deadline(self, request: InferenceRequest) -> float | None:
        return deadline_of(request, self._process.max_timeout)

    async def predict_stream(
        self, payloads: AsyncIterator[InferenceRequest]
    ) -> AsyncIterator[InferenceResponse]:
        """Generate for one input, an event per token. Raises MLServerError."""
        with (
            self.traffic.request(),
            errors_for_callers(),
            self._in_flight.one(),
            timed(self.name, 1) as timings,
            self.traffic.inputs(1),
        ):
            async for payload in payloads:
                async for event in await self._stream(payload, timings):
                    yield self._respond([answers.output([answers.encode(event)])])
                return
            raise InvalidRequest("request", "is missing")

    async def _stream(self, request: InferenceRequest, timings: Timings | None) -> Events:
        if not self._task.streams:
            raise InvalidRequest("model", f"{self._task.name} does not stream; use infer")
        loaded, lane = self._ready()
        deadline = self._deadline(request)
        call = await self._parse(request, loaded, self._budget())
        if len(call.inputs) != 1:
            raise InvalidRequest("inputs", "a stream takes exactly one")
        key = key_of_request(request)
        return Events.start(loaded, lane, call, key=key, deadline=deadline, timings=timings)

    def _ready(self) -> tuple[Loaded, Lane]:
        if self._loaded is None or self._lane is None:
            raise UnknownModel(f"model {self.name} is not loaded")
        return self._loaded, self._lane

    @asynccontextmanager
    async def _call(
        self, request: InferenceRequest, loaded: Loaded, deadline: float | None
    ) -> AsyncIterator[Call]:
        """The request with its files decoded, and the memory that they take."""
        budget = self._budget()
        call = await self._parse(request, loaded, budget)
        if not budget.bytes_at_most:
            yield call
            return
        async with self._decoding.memory(
            budget,
            lambda: replace(call, inputs=decoded(call.inputs)),
            caller=key_of_request(request),
            patience=min(self._max_wait, deadline - monotonic()) if deadline else self._max_wait,
        ) as ready:
            yield ready

    async def _parse(self, request: InferenceRequest, loaded: Loaded, budget: Budget) -> Call:
        reader = Reader(self._task, self._limits.chars, budget, loaded.sampling_rate)
        if self._task.takes in _DECODED:
            return await self._decoding.run(partial(parse, request, self._rules, reader))
        return parse(request, self._rules, reader)

    def _budget(self) -> Budget:
        return Budget(self._process.max_image_pixels, self._process.max_audio_seconds)

    @property
    def _decoding(self) -> Decoding:
        return decoding_of_process(self._process.max_decoded_bytes)

    async def metadata(self) -> MetadataModelResponse:
        """What the model takes and gives, and the weights it runs on."""
        parameters: dict[str, Any] = {"task": self._task.name}
        if self._weights and self._loaded:
            parameters |= self._weights.described()
            if self._loaded.labels:
                parameters["labels"] = ",".join(self._loaded.labels)
            if self._loaded.max_tokens:
                parameters["max_tokens"] = self._loaded.max_tokens
        return MetadataModelResponse(
            name=self.name,
            versions=[self.version] if self.version else [],
            platform="pytorch_transformers",
            inputs=[described(name, kind, [-1], how) for name, kind, how in self._task.inputs],
            outputs=[described("output", "BYTES", [-1, 1], "hg_jsonlist")],
            parameters=Parameters(**parameters),
        )

    async def unload(self) -> bool:
        """Answer what was accepted, then give the weights back; also after half a load.

        What takes longer than CHORUS_DRAIN_TIMEOUT fails with EngineClosed.
        """
        if not await self._in_flight.none(self._process.drain_timeout):
            logger.warning("model %s is unloaded before all of its callers had answers", self.name)
        lane, loaded = self._lane, self._loaded
        self._lane = self._loaded = None
        if lane:
            lane.close()
            await asyncio.to_thread(lane.join, CLOSE_SECONDS)
        if loaded:
            await asyncio.to_thread(loaded.drop)
        return True


def _shares(call: Call, loaded: Loaded) -> str | None:
    """What requests must have in common to share a run."""
    return json.dumps(call.options, sort_keys=True) if loaded.rows > 1 else None


def _device(own: int | str | None, process: str) -> str:
    """A device's name; numbers are GPUs, and -1 is what pipelines call the CPU."""
    if own is None:
        return process
    if isinstance(own, str) and not own.lstrip("-").isdigit():
        return own
    return "cpu" if int(own) < 0 else f"cuda:{int(own)}"
