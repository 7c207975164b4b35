"""What each model of a folder is made from, how much of that is here, and whether it is served."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from chorus import repositories, upstream_key
from chorus.catalog import Model
from chorus.errors import Failed
from chorus.missing import has_recipe
from chorus_weights import cache
from chorus_weights.lock import Lock, LockedModel
from chorus_weights.source import Repository

SECONDS: Final = 5.0  # a server that is busy loading answers late


@dataclass(frozen=True)
class Standin:
    """The small checkpoint beside a model; `bytes` is None until it is made."""

    bytes: int | None
    random: bool
    """Whether its weights are random: made on first use, and its answers mean nothing."""


@dataclass(frozen=True)
class Real:
    """A repository on the hub; without a pin, what is here cannot be told."""

    repository: str
    revision: str | None
    bytes: int | None
    here: bool


@dataclass(frozen=True)
class Row:
    """A model; `state` and `weights` are what the server says, None where none answers."""

    name: str
    group: str
    task: str
    members: Sequence[str]
    standin: Standin | None
    real: Sequence[Real]
    registered: str | None = None
    """The URI of a model of MLflow, where it is made from one."""
    state: str | None = None
    weights: str | None = None
    checkpoint: str | None = None
    """What the weights are now: of MLflow the version, which an alias may have been moved from."""
    revision: str | None = None


class ServerRefused(Failed):
    """A server answers, but not to us; the text is one line with what to do."""


@dataclass(frozen=True)
class Served:
    """What a model server says of one of its models."""

    state: str
    weights: str | None = None
    checkpoint: str | None = None
    revision: str | None = None


def configured(models: Sequence[Model], lock_file: Path, served: Mapping[str, Served]) -> list[Row]:
    """A row per model. Raises UsageError, WeightsError."""
    lock = Lock.read(lock_file)
    made_from = repositories.of(models)
    return [_row(model, made_from[model.name], lock, served.get(model.name)) for model in models]


async def ask(address: str, key: str) -> dict[str, Served] | None:
    """Ask the model server at host:port for its models; None if there is none.

    Raises ServerRefused.
    """
    shown = upstream_key.header(key)
    url = f"http://{address}"
    async with httpx.AsyncClient(
        base_url=url, headers=shown, timeout=SECONDS, trust_env=False
    ) as client:
        try:
            answer = await client.post("/v2/repository/index", json={})
        except httpx.RequestError:
            return None
        if answer.status_code in (401, 403):
            raise ServerRefused(
                f"the server at {address} asks for a key; set {upstream_key.VARIABLE} to one"
            )
        try:
            index = answer.raise_for_status().json()
            listed = {str(one["name"]): str(one["state"]) for one in index}
        except (httpx.HTTPError, ValueError, TypeError, KeyError):
            raise ServerRefused(f"what answers at {address} is no model server") from None
        found = await asyncio.gather(*(_said(client, name) for name in listed))
    states = zip(listed.items(), found, strict=True)
    return {name: Served(state.lower(), **said) for (name, state), said in states}


async def _said(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    """What a model's metadata say of its weights."""
    try:
        metadata = (await client.get(f"/v2/models/{quote(name, safe='')}")).json()
        stated = metadata["parameters"]
        said = {part: stated.get(part) for part in ("weights", "checkpoint", "revision")}
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {part: value for part, value in said.items() if isinstance(value, str)}


def _row(model: Model, made_from: Sequence[Repository], lock: Lock, served: Served | None) -> Row:
    return Row(
        name=model.name,
        group=model.group,
        task=model.task or ("ensemble" if model.members else "text-classification"),
        members=model.members,
        standin=_standin(model),
        real=[_real(one, lock.get(one.name)) for one in made_from],
        registered=repositories.registered(model),
        state=served.state if served else None,
        weights=served.weights if served else None,
        checkpoint=served.checkpoint if served else None,
        revision=served.revision if served else None,
    )


def _standin(model: Model) -> Standin | None:
    if model.standin is None:
        return None
    files = [file for file in model.standin.rglob("*") if file.is_file()]
    return Standin(sum(file.stat().st_size for file in files) or None, has_recipe(model))


def _real(repository: Repository, locked: LockedModel | None) -> Real:
    if locked is None:
        return Real(repository.name, None, None, here=False)
    return Real(repository.name, locked.revision, locked.size, cache.is_complete(locked))
