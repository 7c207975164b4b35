"""The engine: one per process and device, shared by every model that is loaded there.

Life of a request: `infer` on the event loop → admitted → tokenised, queued and collated on the host
thread → run by the device lane → settled on the caller's event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from weakref import WeakSet

import numpy as np

from . import memory, metrics
from .admission import DEFAULT_BOUNDS, Bounds
from .device import DEFAULT_WATCHDOG, Device
from .errors import LoadError, UnknownModel
from .loader import Loader
from .plan import Plan
from .timings import Timings
from .types import Logits, Model, TextEncoder

CLOSE_SECONDS = 30.0
"""For a running batch to end in."""


class Engine:
    """Loads classifiers and answers texts with them, batching across all callers.

    A batch holds at most `max_batch_tokens`, by default what its models were measured to need; a
    forward that takes longer than `watchdog` seconds is given up.
    """

    def __init__(
        self,
        device: str = "cpu",
        max_batch_tokens: int | None = None,
        bounds: Bounds = DEFAULT_BOUNDS,
        watchdog: float = DEFAULT_WATCHDOG,
    ) -> None:
        self.device = device
        self._models: dict[str, Model] = {}
        self._expected: dict[str, Future[Model]] = {}
        self._gives_back = False
        # Known to the loader, which begins with the next model before this one is added.
        self._tokenizers: WeakSet[TextEncoder] = WeakSet()
        # One at a time, so that loading five models never holds two copies of anything.
        self._loader = Loader()
        self._plan = Plan(self._models, self._loader)
        self._device = Device(device, max_batch_tokens, bounds, watchdog)

    def expect(self, name: str) -> None:
        """Announce a model that will be loaded, so that others may wait for it."""
        if name not in self._expected or self._expected[name].done():
            self._expected[name] = Future()

    async def load(
        self,
        name: str,
        folder: Path,
        *,
        origin: Mapping[str, str],
        max_rows: int,
        max_wait: float,
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
        metrics.begin(model.name)
        self._device.measured(self._models.values())
        if model.name in self._expected:
            _settle(self._expected[model.name], model)

    async def together(self, names: Sequence[str]) -> None:
        """Run these models side by side where it pays, now and after any of them is reloaded."""
        await self._plan.together(names)

    def _load(
        self,
        name: str,
        folder: Path,
        origin: Mapping[str, str],
        max_rows: int,
        max_wait: float,
    ) -> Model:
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
        """Forget a model, unless another of its name has taken its place; on the event loop.

        Its memory goes back to the system a moment after the last who holds it lets it go.
        """
        if self._models.get(model.name) is model:
            self._plan.leaves(model.name)
            del self._models[model.name]
            self._device.measured(self._models.values())
            self._expected.pop(model.name, None)
        if not self._gives_back:  # of many reloads in a row, one does it for all
            self._gives_back = True
            # By its turn the caller has let go of it, and what shared memory with it has its own.
            asyncio.get_running_loop().call_soon(self._loader.later, self._give_back)

    def _give_back(self) -> None:
        self._gives_back = False
        memory.give_back()

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

    def require_room(self, key: str) -> None:
        """Refuse before a request is read what would be refused anyway. Raises Overloaded."""
        self._device.require_room(key)

    async def infer(
        self,
        models: Sequence[Model],
        texts: Sequence[str],
        *,
        asked: str = "",
        deadline: float | None = None,
        key: str = "",
        timings: Timings | None = None,
    ) -> list[Logits]:
        """Logits float32 [texts, labels] for each model, in order, until a time by `monotonic`.

        `asked` is the name by which `queue_age` knows the request. Callers of different keys have
        equal shares of a busy device. Cancelling drops what is still queued. What happens when is
        told to `timings`, if there are any. Raises Overloaded, QueueTimeout, DeadlineExceeded,
        InferenceFailed, DeviceHung, DeviceLost or EngineClosed.
        """
        if not texts:
            return [np.empty((0, len(model.labels)), np.float32) for model in models]
        parts = self._plan.parts(models)
        wait = min(model.max_wait for model in models)
        logits = await self._device.answer(parts, texts, wait, asked, deadline, key, timings)
        answers = {
            id(model): own
            for part, both in zip(parts, logits, strict=True)
            for model, own in zip(part.models, part.split(both), strict=True)
        }
        return [answers[id(model)] for model in models]

    def queue_age(self, asked: str) -> float:
        """Seconds that the oldest request under a name has waited in line; 0 without any."""
        return self._device.queue_age(asked)

    def problem(self) -> str | None:
        """Why it answers nobody at present, in one line; None while it can."""
        return self._device.problem()

    def loss(self) -> str | None:
        """Why it will not answer in this process again, in one line; None while it may."""
        return self._device.loss()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Stop: the running batch ends, everything queued fails with EngineClosed."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        self._device.close(timeout)
        self._loader.shutdown(wait=True)


def _settle(expected: Future[Model], outcome: Model | Exception) -> None:
    """Tell those who wait for a model; of two loads at once the first has told them already."""
    if expected.done():
        return
    if isinstance(outcome, Exception):
        expected.set_exception(outcome)
    else:
        expected.set_result(outcome)


_ENGINES: dict[str, Engine] = {}


def get_engine(
    device: str,
    max_batch_tokens: int | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
    watchdog: float = DEFAULT_WATCHDOG,
) -> Engine:
    """The engine of a device, made on first use.

    It lives in a submodule because MLServer reloads the package for every model.
    """
    if device not in _ENGINES:
        _ENGINES[device] = Engine(device, max_batch_tokens, bounds, watchdog)
    return _ENGINES[device]


def first_problem() -> str | None:
    """Why an engine of the process answers nobody at present; None while all of them can."""
    return next((p for engine in _ENGINES.values() if (p := engine.problem())), None)


def first_loss() -> str | None:
    """Why an engine will not answer in this process again; None while all of them may."""
    return next((p for engine in _ENGINES.values() if (p := engine.loss())), None)


def close_engines(timeout: float = CLOSE_SECONDS) -> None:
    """Close every engine of the process; each gives its running batch so many seconds to end."""
    for device in list(_ENGINES):
        _ENGINES.pop(device).close(timeout)
