"""One sequence-classification model on V2."""

from __future__ import annotations

import asyncio

from mlserver.settings import ModelSettings
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse

from . import v2
from .engine.types import Model
from .runtime import ChorusModel
from .settings import ClassifierExtra, parse_extra
from .weights import locate

OUTPUTS = ("output", "label", "score")


class Classifier(ChorusModel):
    """Serves one checkpoint folder; `parameters.extra` is a ClassifierExtra."""

    _model: Model | None = None

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self._extra = parse_extra(ClassifierExtra, settings)
        self._engine.expect(self.name)

    async def load(self) -> bool:
        """Load the weights into the engine. Raises LoadError."""
        weights = await asyncio.to_thread(
            locate,
            self.settings,
            self._extra,
            self._weights_choice,
            lock_file=self._process.models_lock,
            registry=self._process.registry,
        )
        self._model = await self._engine.load(
            self.name,
            weights.folder,
            origin=weights.described(),
            max_rows=self._max_rows,
            max_wait=self._max_wait,
        )
        return True

    async def answer(self, request: InferenceRequest) -> InferenceResponse:
        """Classify the request's texts."""
        call = v2.parse(request, OUTPUTS, self._limits)
        model = self._engine.model(self.name)
        (logits,) = await self._infer(request, [model], call.texts)
        ids, scores = v2.scored(logits, call.options, model.activation)
        if set(call.outputs) <= {"output"}:
            return self._respond([v2.json_output(ids, scores, model.labels, call)])
        labels = [label.encode() for label in model.labels]
        offered = {
            "output": v2.json_output(ids, scores, model.labels, call),
            **{o.name: o for o in v2.typed_outputs(ids, scores, labels, call.options)},
        }
        return self._respond([offered[name] for name in call.outputs])

    async def metadata(self) -> MetadataModelResponse:
        """What the model takes and gives, and the weights it runs on."""
        described: dict[str, str | int] = {}
        if self._model:
            described = {
                **self._model.origin,
                "labels": ",".join(self._model.labels),
                "max_tokens": self._model.tokenizer.limit,
            }
        return self._describe(
            [
                ("output", "BYTES", [-1, 1], "hg_jsonlist"),
                ("label", "BYTES", [-1], "str"),
                ("score", "FP32", [-1], None),
            ],
            **described,
        )

    async def unload(self) -> bool:
        """Give the weights back; also after a load that failed half-way."""
        if self._model:
            self._engine.unload(self._model)
        self._model = None
        return True
