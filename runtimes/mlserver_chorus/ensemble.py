"""Several classifiers behind one V2 model: one text in, every member's answer out."""

from __future__ import annotations

from mlserver.settings import ModelSettings
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse

from . import v2
from .engine.errors import LoadError
from .runtime import ChorusModel
from .settings import EnsembleExtra, parse_extra


class Ensemble(ChorusModel):
    """Answers with `<member>.label` and `<member>.score`, on the weights the members have loaded.

    `parameters.extra` is an EnsembleExtra.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self._members = parse_extra(EnsembleExtra, settings).members
        self._outputs = tuple(f"{m}.{part}" for m in self._members for part in ("label", "score"))

    async def load(self) -> bool:
        """Wait for the members. Raises LoadError when one is not served or cannot be loaded."""
        for member in self._members:
            try:
                await self._engine.loaded(member)
            except LoadError as error:
                raise LoadError(f"model {self.name} needs its member {member}: {error}") from error
        await self._engine.together(tuple(self._members))
        return True

    async def answer(self, request: InferenceRequest) -> InferenceResponse:
        """Ask the members whose outputs are wanted, all of them unless the request names some."""
        call = v2.parse(request, self._outputs, self._limits)
        wanted = call.outputs or self._outputs
        members = [m for m in self._members if f"{m}.label" in wanted or f"{m}.score" in wanted]
        models = [self._engine.model(member) for member in members]
        answers = await self._infer(request, models, call.texts)
        offered = {}
        for member, model, logits in zip(members, models, answers, strict=True):
            shown = self._members[member].labels
            labels = [shown.get(label, label).encode() for label in model.labels]
            ids, scores = v2.scored(logits, call.options, model.activation)
            for output in v2.typed_outputs(ids, scores, labels, call.options, f"{member}."):
                offered[output.name] = output
        return self._respond([offered[name] for name in wanted])

    async def metadata(self) -> MetadataModelResponse:
        """What the ensemble takes and gives, and the weights its members run on."""
        tensors: list[tuple[str, str, list[int], str | None]] = []
        for member in self._members:
            tensors += [
                (f"{member}.label", "BYTES", [-1], "str"),
                (f"{member}.score", "FP32", [-1], None),
            ]
        return self._describe(tensors, members=",".join(self._members), **self._weights())

    def _weights(self) -> dict[str, str]:
        """What the members run on; a single stand-in makes the answer a stand-in's."""
        loaded = self._engine.models
        origins = [loaded[member].origin for member in self._members if member in loaded]
        kinds = {origin.get("weights", "") for origin in origins}
        if "standin" not in kinds:
            return {"weights": ",".join(sorted(kinds))}
        standins = {origin.get("standin", "") for origin in origins}
        return {"weights": "standin", "standin": "random" if "random" in standins else "trained"}
