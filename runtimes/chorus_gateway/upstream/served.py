"""What the models that are called by name say of themselves: their task, their weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chorus_gateway.errors import BadInput, UnknownModel
from chorus_gateway.readiness import WEIGHTS
from chorus_gateway.tasks.table import find
from chorus_gateway.tasks.task import Task
from chorus_gateway.upstream.deployed_url import DeployedUrls
from chorus_gateway.upstream.kept import Kept
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams, some

SECONDS: Final = 10.0  # a model that is replaced by one of another task is rare
CLASSIFIER_OUTPUTS: Final = frozenset({"label", "score"})


@dataclass(frozen=True)
class Model:
    """A model, where it is, and the `parameters` of its V2 metadata; `task` if it states one."""

    name: str
    target: Target
    task: str | None
    parameters: Mapping[str, Any]

    def require_task(self) -> Task:
        """Return its task. Raises BadInput, UnknownTask."""
        if self.task is None:
            raise BadInput(f"{self.name} does not say its task; /predict is told it by you")
        return find(self.task)

    @property
    def headers(self) -> dict[str, str] | None:
        """What an answer says of the weights it came from."""
        weights = self.parameters.get("weights")
        return {"x-chorus-weights": weights} if weights in WEIGHTS else None

    def stated(self, name: str) -> str | None:
        """A text among the parameters."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else None


class Served:
    """Knows the models served here and those with a configured name."""

    def __init__(self, upstreams: Upstreams, urls: DeployedUrls) -> None:
        self._upstreams = upstreams
        self._urls = urls
        self._models = Kept(self._describe, SECONDS)
        self._names = Kept(self._list, SECONDS)

    async def model(self, name: str) -> Model:
        """Describe the model of that name.

        Raises UnknownModel, AmbiguousModel, BadInput, every UpstreamError.
        """
        target = self._urls.named(name)  # each time: a server of the cluster may have left it
        try:
            return await self.describe(name, target)
        except UnknownModel:
            names = await self._names.get("")
            raise UnknownModel(f"no model of that name; served are {some(names)}") from None

    async def describe(self, name: str, target: Target) -> Model:
        """Describe a model whose place is known. Raises as `model` does."""
        return await self._models.get((name, target))

    async def _describe(self, named: tuple[str, Target]) -> Model:
        name, target = named
        target = await self._upstreams.resolve(target)
        metadata = await self._upstreams.metadata(target)
        stated = metadata.get("parameters")
        parameters = stated if isinstance(stated, dict) else {}
        return Model(name, target, _task(metadata, parameters), parameters)

    async def _list(self, _: str) -> list[str]:
        models = await self._upstreams.index(None)
        return [*(model.name for model in models if model.state == "READY"), *self._urls.names]


def _task(metadata: Mapping[str, Any], parameters: Mapping[str, Any]) -> str | None:
    stated = parameters.get("task")
    if isinstance(stated, str):
        return stated
    outputs = metadata.get("outputs")
    names = {output.get("name") for output in outputs or () if isinstance(output, dict)}
    return "text-classification" if names >= CLASSIFIER_OUTPUTS else None
