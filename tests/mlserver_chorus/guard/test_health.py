"""What the server says of itself, from a real registry of models that load when they are told."""

from __future__ import annotations

import asyncio

import pytest
from mlserver import MLModel, ModelSettings
from mlserver.errors import MLServerError, ModelNotFound
from mlserver.registry import MultiModelRegistry

from mlserver_chorus.guard.health import Health


class Told(MLModel):
    """Loads when told to."""

    may_load: asyncio.Event

    async def load(self) -> bool:
        await self.may_load.wait()
        return True


def settings(name: str) -> ModelSettings:
    return ModelSettings(name=name, implementation=Told)


@pytest.fixture(autouse=True)
async def nothing_is_loaded() -> None:
    Told.may_load = asyncio.Event()


@pytest.fixture
def registry() -> MultiModelRegistry:
    return MultiModelRegistry()


@pytest.fixture
def problems() -> list[str | None]:
    """What is wrong with the device, if it is the last of these."""
    return [None]


@pytest.fixture
def health(registry: MultiModelRegistry, problems: list[str | None]) -> Health:
    made = Health(registry, [lambda: None, lambda: problems[-1]])
    made.expected = ["a", "b"]
    return made


async def load(health: Health, registry: MultiModelRegistry, *names: str) -> None:
    Told.may_load.set()
    for name in names:
        await registry.load(settings(name))
    health.starting = False


async def test_a_server_is_ready_once_all_that_it_was_started_with_is_loaded(
    health: Health, registry: MultiModelRegistry
) -> None:
    assert await health.not_ready() == "model a is loading"
    loading = asyncio.create_task(registry.load(settings("a")))
    await asyncio.sleep(0)
    assert await health.not_ready() == "model a is loading"
    assert await health.model_not_ready("a", None) == "model a is loading"
    assert await health.model_not_ready("b", None) == "model b is loading"
    Told.may_load.set()
    await loading
    assert await health.not_ready() == "model b is loading"
    assert await health.model_not_ready("a", None) is None
    await load(health, registry, "b")
    assert await health.not_ready() is None


async def test_a_server_of_no_models_is_ready(registry: MultiModelRegistry) -> None:
    assert await Health(registry, []).not_ready() is None


async def test_an_expected_model_that_is_unloaded_is_missing(
    health: Health, registry: MultiModelRegistry
) -> None:
    await load(health, registry, "a", "b", "c")
    await registry.unload("c")
    assert await health.not_ready() is None
    await registry.unload("b")
    assert await health.not_ready() == "model b is not loaded"
    with pytest.raises(ModelNotFound):
        await health.model_not_ready("b", None)
    await registry.load(settings("b"))
    assert await health.not_ready() is None


async def test_a_model_that_came_later_counts_for_itself_alone(
    health: Health, registry: MultiModelRegistry
) -> None:
    await load(health, registry, "a", "b")
    Told.may_load.clear()
    loading = asyncio.create_task(registry.load(settings("c")))
    await asyncio.sleep(0)
    assert await health.model_not_ready("c", None) == "model c is loading"
    assert await health.not_ready() is None
    Told.may_load.set()
    await loading


@pytest.mark.parametrize(("name", "version"), [("c", None), ("a", "1"), ("", None)])
async def test_nobody_knows_a_stranger(
    health: Health, registry: MultiModelRegistry, name: str, version: str | None
) -> None:
    await load(health, registry, "a", "b")
    for ask in (health.model_not_ready, health.require):
        with pytest.raises(ModelNotFound):
            await ask(name, version)


async def test_no_version_is_any_version(health: Health, registry: MultiModelRegistry) -> None:
    await load(health, registry, "a", "b")
    assert await health.model_not_ready("a", "") is None


async def test_a_dead_device_is_everybodys_problem(
    health: Health, registry: MultiModelRegistry, problems: list[str | None]
) -> None:
    await load(health, registry, "a", "b")
    assert health.not_live() is None
    problems.append("the device failed")
    assert health.not_live() == "the device failed"
    assert await health.not_ready() == "the device failed"
    assert await health.model_not_ready("a", None) == "the device failed"
    with pytest.raises(MLServerError) as refusal:
        await health.require("a", None)
    assert refusal.value.status_code == 503


async def test_a_draining_server_is_not_ready_and_goes_on_answering(
    health: Health, registry: MultiModelRegistry
) -> None:
    await load(health, registry, "a", "b")
    health.draining = True
    assert await health.not_ready() == "the server is shutting down"
    assert await health.model_not_ready("a", None) == "the server is shutting down"
    assert health.not_live() is None
    await health.require("a", None)


async def test_a_model_that_loads_takes_no_inference(
    health: Health, registry: MultiModelRegistry
) -> None:
    loading = asyncio.create_task(registry.load(settings("a")))
    await asyncio.sleep(0)
    with pytest.raises(MLServerError, match="model a is loading") as refusal:
        await health.require("a", None)
    assert refusal.value.status_code == 503
    Told.may_load.set()
    await loading
