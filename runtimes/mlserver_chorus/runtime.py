"""What every Chorus runtime has in common: settings, limits, errors, and the one engine."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from mlserver import MLModel
from mlserver.errors import MLServerError
from mlserver.settings import ModelSettings
from mlserver.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    Parameters,
    ResponseOutput,
)

from .deadline import deadline_of, key_of, key_of_request
from .engine.admission import Bounds
from .engine.engine import Engine, get_engine
from .engine.errors import EngineError
from .engine.types import Logits, Model
from .errors import STATUSES
from .settings import DEFAULT_MAX_ROWS, DEFAULT_MAX_WAIT, RuntimeSettings
from .tensors import described
from .traces import timed
from .traffic import REFUSED, Traffic, show
from .v2 import Limits

logger = logging.getLogger("mlserver.chorus")


class ChorusModel(MLModel):
    """An MLServer model whose batching is the engine's, never MLServer's."""

    def __init__(self, settings: ModelSettings) -> None:
        self._max_rows = settings.max_batch_size or DEFAULT_MAX_ROWS
        self._max_wait = settings.max_batch_time or DEFAULT_MAX_WAIT
        # MLServer wraps `predict` in its own batcher when it finds these above zero.
        settings.max_batch_size = 0
        settings.max_batch_time = 0
        super().__init__(settings)
        process = RuntimeSettings()
        self._weights_choice = process.weights
        self._limits = Limits(texts=process.max_texts, chars=process.max_text_chars)
        self._process = process
        self.traffic = Traffic()
        show(self)

    @cached_property
    def _engine(self) -> Engine:
        """The process's engine for its device, made when a model first needs it."""
        process = self._process
        bounds = Bounds(
            texts=process.max_waiting_texts,
            seconds=process.max_waiting_seconds,
            tokens=process.max_waiting_tokens,
        )
        return get_engine(process.device, process.max_batch_tokens, bounds, process.watchdog)

    def refuse_early(self, headers: Mapping[str, str]) -> None:
        """Refuse a request before it is read, if its caller's turn would never come.

        Raises MLServerError.
        """
        with errors_for_callers():
            try:
                self._engine.require_room(key_of(headers))
            except EngineError:
                self.traffic.requests[REFUSED] += 1
                raise

    @abstractmethod
    async def answer(self, request: InferenceRequest) -> InferenceResponse:
        """The answer to one request; EngineError and MLServerError are the caller's to see."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer a request. Raises MLServerError with the status and words for the caller."""
        with self.traffic.request(), errors_for_callers():
            return await self.answer(payload)

    def queue_age(self) -> float:
        """For how many seconds the oldest of its requests in line has waited; 0 without any."""
        return self._engine.queue_age(self.name)

    async def _infer(
        self, request: InferenceRequest, models: Sequence[Model], texts: Sequence[str]
    ) -> list[Logits]:
        """Ask the engine, for as long as the caller waits."""
        with timed(self.name, len(texts)) as timings, self.traffic.inputs(len(texts)):
            return await self._engine.infer(
                models,
                texts,
                asked=self.name,
                deadline=deadline_of(request, self._process.max_timeout),
                key=key_of_request(request),
                timings=timings,
            )

    def _respond(self, outputs: list[ResponseOutput]) -> InferenceResponse:
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)

    def _describe(
        self, outputs: list[tuple[str, str, list[int], str | None]], **parameters: str | int
    ) -> MetadataModelResponse:
        return MetadataModelResponse(
            name=self.name,
            versions=[self.version] if self.version else [],
            platform="pytorch_transformers",
            inputs=[described("text", "BYTES", [-1], "str")],
            outputs=[described(*output) for output in outputs],
            parameters=Parameters(**parameters),
        )


@contextmanager
def errors_for_callers() -> Iterator[None]:
    """Let MLServerError alone out, with the status and words for the caller."""
    try:
        yield
    except MLServerError:
        raise
    except EngineError as error:
        raise MLServerError(str(error), STATUSES[type(error)]) from error
    except Exception as error:
        # The text of a foreign exception may hold anything, the caller's input included.
        logger.exception("a request failed in an unexpected way")
        raise MLServerError("internal error", 500) from error
