"""Changes of one model follow each other, and each goes to its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from mlserver import MLModel, ModelSettings
from mlserver.errors import MLServerError, ModelNotFound
from mlserver.registry import MultiModelRegistry
from mlserver.repository import ModelRepository
from mlserver.settings import ModelParameters
from mlserver.types import RepositoryIndexRequest, State

from mlserver_chorus.guard.repository import GuardedRepository


@dataclass
class Stage:
    """What the models do: each change waits for `go`, and is written down when it ends."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    began: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def change(self, what: str) -> bool:
        self.began.append(what)
        await self.go.wait()
        if self.error:
            raise self.error
        self.ended.append(what)
        return True


class Model(MLModel):
    stage: Stage

    async def load(self) -> bool:
        return await self.stage.change(f"load {self.name}")

    async def unload(self) -> bool:
        return await self.stage.change(f"unload {self.name}")


class Files(ModelRepository):
    def __init__(self) -> None:
        self.names = ["one", "two"]

    async def find(self, name: str) -> list[ModelSettings]:
        found = [settings for settings in await self.list() if settings.name == name]
        if not found:
            raise ModelNotFound(name)
        return found

    async def list(self) -> list[ModelSettings]:
        return [
            ModelSettings(name=name, implementation=Model, parameters=ModelParameters())
            for name in self.names
        ]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def registry(stage: Stage) -> MultiModelRegistry:
    def made(settings: ModelSettings) -> MLModel:
        model = Model(settings)
        model.stage = stage
        return model

    return MultiModelRegistry(model_initialiser=made)


@pytest.fixture
def repository(files: Files, registry: MultiModelRegistry) -> GuardedRepository:
    return GuardedRepository(files, registry)


async def begun(stage: Stage, *changes: str) -> None:
    async with asyncio.timeout(10):
        while stage.began != list(changes):
            await asyncio.sleep(0.001)


async def test_changes_of_a_model_follow_each_other(
    repository: GuardedRepository, stage: Stage
) -> None:
    changes = [
        asyncio.create_task(change("one"))
        for change in (repository.load, repository.unload, repository.load)
    ]
    await begun(stage, "load one")
    stage.go.set()
    assert await asyncio.gather(*changes) == [True, True, True]
    assert stage.began == stage.ended == ["load one", "unload one", "load one"]


async def test_a_closed_one_changes_nothing_and_says_why(
    files: Files, registry: MultiModelRegistry, stage: Stage
) -> None:
    closed = GuardedRepository(files, registry, "closed by its operator")
    stage.go.set()
    for change in (closed.load, closed.unload):
        for name in ("one", "nobody"):
            with pytest.raises(MLServerError, match="closed by its operator") as refusal:
                await change(name)
            assert refusal.value.status_code == 403
    assert stage.began == []
    assert len(await closed.index(RepositoryIndexRequest(ready=None))) == 2


async def test_models_do_not_wait_for_each_other(
    repository: GuardedRepository, stage: Stage
) -> None:
    changes = [asyncio.create_task(repository.load(name)) for name in ("one", "two")]
    async with asyncio.timeout(10):
        while set(stage.began) != {"load one", "load two"}:
            await asyncio.sleep(0.001)
    stage.go.set()
    assert await asyncio.gather(*changes) == [True, True]


async def test_a_change_goes_to_its_end_without_its_caller(
    repository: GuardedRepository, stage: Stage, registry: MultiModelRegistry
) -> None:
    change = asyncio.create_task(repository.load("one"))
    await begun(stage, "load one")
    change.cancel()
    await asyncio.gather(change, return_exceptions=True)
    stage.go.set()
    assert await repository.unload("one")
    assert stage.ended == ["load one", "unload one"]
    with pytest.raises(ModelNotFound):
        await registry.get_model("one")


async def test_what_is_still_loading_at_the_start_is_left_alone(
    repository: GuardedRepository, stage: Stage, files: Files, registry: MultiModelRegistry
) -> None:
    (settings,) = await files.find("one")
    start = asyncio.create_task(registry.load(settings))
    await begun(stage, "load one")
    for change in (repository.load, repository.unload):
        with pytest.raises(MLServerError, match="model one is loading") as refused:
            await change("one")
        assert refused.value.status_code == 503
    index = await repository.index(RepositoryIndexRequest())
    assert {each.name: each.state for each in index} == {
        "one": State.LOADING,
        "two": State.UNAVAILABLE,
    }
    stage.go.set()
    await start
    assert await repository.unload("one")


async def test_a_load_that_fails_leaves_the_old_one_and_says_so(
    repository: GuardedRepository, stage: Stage, files: Files, registry: MultiModelRegistry
) -> None:
    stage.go.set()
    await repository.load("one")
    old = await registry.get_model("one")
    stage.error = RuntimeError("/a/path")
    with pytest.raises(MLServerError, match=r"^model one cannot be loaded") as failed:
        await repository.load("one")
    assert failed.value.status_code == 500
    assert "/a/path" not in str(failed.value)
    stage.error = None
    files.names.remove("one")
    with pytest.raises(MLServerError, match=r"^model one cannot be loaded"):
        await repository.load("one")
    assert await registry.get_model("one") is old
    assert old.ready


@pytest.mark.parametrize("change", ["load", "unload"])
async def test_an_unknown_model_leaves_no_trace(repository: GuardedRepository, change: str) -> None:
    for name in ("nobody", "x" * 1000):
        with pytest.raises(ModelNotFound):
            await getattr(repository, change)(name)
    await asyncio.sleep(0)
    assert not repository._turns
    assert not repository._under_way
