"""The engine: one per process and device, shared by every model that is loaded there.

Life of a request: `infer` on the event loop → tokenised, queued and collated on the host thread →
run by the device lane → settled on the caller's event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from weakref import WeakSet

import numpy as np

from . import metrics
from .batcher import Batcher
from .errors import (
    EngineClosed,
    InferenceFailed,
    LoadError,
    Overloaded,
    QueueTimeout,
    UnknownModel,
)
from .lane import Lane
from .loader import Loader
from .plan import Plan
from .replies import fail
from .types import Encoding, Entry, Logits, Model, Part, Request, TextEncoder

logger = logging.getLogger("mlserver.chorus")

# Before anything is loaded, and so measured.
_UNMEASURED = 4096
# Some seconds of work for the fastest device; beyond it a caller had better hear "busy" at once.
DEFAULT_MAX_IN_FLIGHT = 16384


class Engine:
    """Loads classifiers and answers texts with them, batching across all callers.

    A batch holds at most `max_batch_tokens`, by default what its models were measured to need.
    """

    def __init__(
        self,
        device: str = "cpu",
        max_batch_tokens: int | None = None,
        max_in_flight: int = DEFAULT_MAX_IN_FLIGHT,
    ) -> None:
        self.device = device
        self._max_batch_tokens = max_batch_tokens
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._models: dict[str, Model] = {}
        self._expected: dict[str, Future[Model]] = {}
        self._closed = False
        # Known to the loader, which begins with the next model before this one is added.
        self._tokenizers: WeakSet[TextEncoder] = WeakSet()
        # One at a time, so that loading five models never holds two copies of anything.
        self._loader = Loader()
        self._plan = Plan(self._models, self._loader)
        # One thread keeps arrival order; the tokenizers use the cores for large requests.
        self._host = ThreadPoolExecutor(1, "chorus-host")
        self._batcher = Batcher(max_batch_tokens or _UNMEASURED, self._host.submit)
        self._lane = Lane(self._batcher)

    def expect(self, name: str) -> None:
        """Announce a model that will be loaded, so that others may wait for it."""
        if name not in self._expected or self._expected[name].done():
            self._expected[name] = Future()

    async def load(
        self, name: str, folder: Path, *, origin: str, max_rows: int, max_wait: float
    ) -> Model:
        """Load a checkpoint folder under a name, replacing a model of that name.

        Raises LoadError when the folder holds no sequence classifier that can be loaded whole.
        """
        self.expect(name)
        loop = asyncio.get_running_loop()
        try:
            model = await loop.run_in_executor(
                self._loader, self._load, name, folder, origin, max_rows, max_wait
            )
        except Exception as error:
            _settle(self._expected[name], error)
            raise
        self.add(model)
        await self._plan.joined(name)
        return model

    def add(self, model: Model) -> None:
        """Serve a model that is loaded already, in place of one of its name."""
        self._plan.leaves(model.name)
        self._models[model.name] = model
        self._set_budget()
        if model.name in self._expected:
            _settle(self._expected[model.name], model)

    async def together(self, names: Sequence[str]) -> None:
        """Run these models side by side where it pays, now and after any of them is reloaded."""
        await self._plan.together(names)

    def _set_budget(self) -> None:
        budgets = (model.batch_tokens for model in self._models.values())
        self._batcher.max_tokens = self._max_batch_tokens or max(budgets, default=_UNMEASURED)
        metrics.BUDGET.labels(self.device).set(self._batcher.max_tokens)

    def _load(self, name: str, folder: Path, origin: str, max_rows: int, max_wait: float) -> Model:
        # Imports torch and transformers: seconds, so never on the event loop.
        from .loading import load_classifier

        model = load_classifier(
            name,
            folder,
            self.device,
            tokenizers=list(self._tokenizers),
            origin=origin,
            max_rows=max_rows,
            max_wait=max_wait,
        )
        self._tokenizers.add(model.tokenizer)
        return model

    def unload(self, model: Model) -> None:
        """Forget a model, unless another of its name has taken its place."""
        if self._models.get(model.name) is model:
            self._plan.leaves(model.name)
            del self._models[model.name]
            self._set_budget()
            self._expected.pop(model.name, None)

    @property
    def models(self) -> Mapping[str, Model]:
        """What is loaded now, by name."""
        return self._models

    def model(self, name: str) -> Model:
        """The loaded model of that name; UnknownModel otherwise."""
        try:
            return self._models[name]
        except KeyError:
            raise UnknownModel(f"model {name} is not loaded") from None

    async def loaded(self, name: str) -> Model:
        """Wait until an expected model is loaded; LoadError when none of that name is expected."""
        if name in self._models:
            return self._models[name]
        if name not in self._expected:
            raise LoadError(f"model {name} is not among the served models")
        return await asyncio.shield(asyncio.wrap_future(self._expected[name]))

    async def infer(self, models: Sequence[Model], texts: Sequence[str]) -> list[Logits]:
        """Logits float32 [texts, labels] for each model, in order.

        Raises Overloaded, QueueTimeout, InferenceFailed or EngineClosed. Cancelling drops what is
        still queued.
        """
        if not texts:
            return [np.empty((0, len(model.labels)), np.float32) for model in models]
        parts = self._plan.parts(models)
        request = self._accept(parts, texts)
        wait = min(model.max_wait for model in models)
        expiry = request.loop.call_later(wait, _expire, request)
        try:
            logits = await request.future
            answers = {
                id(model): own
                for part, both in zip(parts, logits, strict=True)
                for model, own in zip(part.models, part.split(both), strict=True)
            }
            return [answers[id(model)] for model in models]
        finally:
            expiry.cancel()
            self._in_flight -= len(texts)
            metrics.IN_FLIGHT.dec(len(texts))

    def _accept(self, parts: tuple[Part, ...], texts: Sequence[str]) -> Request:
        """Start a request on its way, within the bound of texts in flight."""
        if self._closed:
            raise EngineClosed("the server is shutting down")
        if self._in_flight + len(texts) > self._max_in_flight:
            raise Overloaded("too many texts are waiting; try again shortly")
        loop = asyncio.get_running_loop()
        request = Request(parts, texts, loop, loop.create_future())
        self._in_flight += len(texts)
        metrics.IN_FLIGHT.inc(len(texts))
        self._host.submit(self._tokenize, request)
        return request

    def _tokenize(self, request: Request) -> None:
        if request.dead:
            metrics.DROPPED.inc(len(request.texts))
            return
        started = monotonic()
        try:
            encoded: dict[int, list[Encoding]] = {}
            for tokenizer in (part.tokenizer for part in request.parts):
                if id(tokenizer) not in encoded:
                    encoded[id(tokenizer)] = tokenizer.encode(request.texts)
        except Exception as error:
            logger.error("a text could not be tokenised: %s", type(error).__name__)
            fail([request], InferenceFailed("the text could not be tokenised"))
            return
        metrics.TOKENIZE.observe(monotonic() - started)
        columns = [encoded[id(part.tokenizer)] for part in request.parts]
        self._batcher.put(
            [Entry(request, row, column) for row, column in enumerate(zip(*columns, strict=True))]
        )

    def close(self, timeout: float = 30.0) -> None:
        """Stop: the running batch ends, everything queued fails with EngineClosed."""
        self._closed = True
        self._host.shutdown(wait=True)
        self._loader.shutdown(wait=True, cancel_futures=True)
        left = self._batcher.close()
        fail((entry.request for entry in left), EngineClosed("the server is shutting down"))
        self._lane.join(timeout)


def _settle(expected: Future[Model], outcome: Model | Exception) -> None:
    """Tell those who wait for a model; of two loads at once the first has told them already."""
    if expected.done():
        return
    if isinstance(outcome, Exception):
        expected.set_exception(outcome)
    else:
        expected.set_result(outcome)


def _expire(request: Request) -> None:
    """On the event loop: give up on a request that no batch has taken in time."""
    if not request.started and not request.dead:
        request.error = QueueTimeout("the server is too busy to answer in time")
        request.resolve()


_ENGINES: dict[str, Engine] = {}


def get_engine(device: str, max_batch_tokens: int | None = None) -> Engine:
    """The engine of a device, made on first use.

    It lives in a submodule because MLServer reloads the package for every model.
    """
    if device not in _ENGINES:
        _ENGINES[device] = Engine(device, max_batch_tokens)
    return _ENGINES[device]


def close_engines() -> None:
    """Close every engine of the process; their running batches end."""
    for device in list(_ENGINES):
        _ENGINES.pop(device).close()
