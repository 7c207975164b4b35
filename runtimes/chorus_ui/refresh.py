"""Keeps the page in step with the gateway: which tabs there are, and which models they offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from chorus_ui import notices, status
from chorus_ui.gateway import Gateway, GatewayError, Model

SECONDS: Final = 2.0
ENSEMBLE: Final = "process"


@dataclass(frozen=True)
class Seen:
    """What a browser has been shown: the models, and what is wrong with the gateway."""

    models: tuple[Model, ...] = ()
    problem: str = ""
    asks_for_key: bool = False


@dataclass(frozen=True)
class TaskTab:
    """The tab of a task's models."""

    task: str
    tab: gr.Tab
    models: gr.Dropdown
    notice: gr.HTML

    def among(self, models: Sequence[Model]) -> list[Model]:
        """Return the models that it is for."""
        return [model for model in models if model.task == self.task]


@dataclass(frozen=True)
class Group:
    """A tab with the tabs of some tasks."""

    tab: gr.Tab
    inner: gr.Tabs
    tasks: Sequence[TaskTab]

    def served(self, models: Sequence[Model]) -> list[str]:
        """Return those of its tasks that there is a model for."""
        return [tab.task for tab in self.tasks if tab.among(models)]


class Refresh:
    """Updates one browser's page, of which it changes only what has changed at the gateway."""

    def __init__(
        self,
        gateway: Gateway,
        key: gr.Textbox,
        banner: gr.HTML,
        tabs: gr.Tabs,
        process: tuple[gr.Tab, gr.HTML],
        groups: Sequence[Group],
    ) -> None:
        self._gateway = gateway
        self._process = process[0]
        self._groups = groups
        self._tasks = [task for group in groups for task in group.tasks]
        self._seen = gr.State(None)
        self._inputs = [key, self._seen, *(task.models for task in self._tasks)]
        self._outputs = [self._seen, banner, key, tabs, *process]
        for group in groups:
            self._outputs += [group.tab, group.inner]
        for task in self._tasks:
            self._outputs += [task.tab, task.models, task.notice]

    def build(self, page: gr.Blocks) -> None:
        """Add the events, within the page."""
        options: dict[str, Any] = {
            "queue": False,  # at once, whoever is waiting for an answer
            "show_progress": "hidden",
            "preprocess": False,  # whether a model is still offered is what is to be found out
            "api_visibility": "private",
        }
        timer = gr.Timer(SECONDS)
        gr.on(
            [page.load, timer.tick],
            self._refresh,
            self._inputs,
            self._outputs,
            trigger_mode="once",
            **options,
        )
        for task in self._tasks:
            task.models.input(_noticed, [task.models, self._seen], task.notice, **options)

    async def _refresh(self, key: str, seen: Seen | None, *chosen: str | None) -> list[Any]:
        """Return a value for each output."""
        now = await self._look(key, seen)
        if now == seen:
            return [gr.skip()] * len(self._outputs)
        if seen and now.models == seen.models and (now.models or now.problem):
            return [*_above(now), *[gr.skip()] * (len(self._outputs) - 3)]
        before = seen.models if seen else ()
        return [
            *_above(now),
            _selected(self._shown(before), self._shown(now.models)),
            *_process(now.models),
            *self._update_groups(before, now.models),
            *self._update_tasks(now.models, chosen),
        ]

    async def _look(self, key: str, seen: Seen | None) -> Seen:
        try:
            return Seen(tuple(await self._gateway.models(key)))
        except GatewayError as error:
            # The tabs stay, and what was typed with them.
            models = seen.models if seen else ()
            return Seen(models, str(error), error.status == 401)

    def _shown(self, models: Sequence[Model]) -> list[int | str | None]:
        """Return the ids of the outer tabs that there is a model for."""
        process = [self._process.id] if _ensemble(models) else []
        return [*process, *(group.tab.id for group in self._groups if group.served(models))]

    def _update_groups(self, before: Sequence[Model], now: Sequence[Model]) -> list[Any]:
        updates: list[Any] = []
        for group in self._groups:
            served = group.served(now)
            updates += [
                gr.update(visible=bool(served)),
                _selected(group.served(before), served),
            ]
        return updates

    def _update_tasks(self, models: Sequence[Model], chosen: Sequence[str | None]) -> list[Any]:
        updates: list[Any] = []
        for task, name in zip(self._tasks, chosen, strict=True):
            offered = task.among(models)
            names = [model.name for model in offered]
            name = name if name in names else next(iter(names), None)
            updates += [
                gr.update(visible=bool(names)),
                gr.update(choices=names, value=name, visible=len(names) > 1),
                notices.of(name, offered),
            ]
        return updates


def _above(now: Seen) -> list[Any]:
    """Update what stands above the tabs."""
    problem = now.problem or ("" if now.models else notices.NOTHING)
    return [now, status.failed(problem) if problem else "", gr.update(visible=now.asks_for_key)]


def _process(models: Sequence[Model]) -> list[Any]:
    served = _ensemble(models)
    return [gr.update(visible=bool(served)), "".join(map(notices.standin, served))]


def _ensemble(models: Sequence[Model]) -> list[Model]:
    return [model for model in models if model.name == ENSEMBLE]


def _selected(before: Sequence[object], now: Sequence[object]) -> Any:
    """Select the first tab where there were none, or where the selected one may have gone."""
    same = before and set(before) <= set(now)
    return gr.skip() if same or not now else gr.update(selected=now[0])


def _noticed(name: str | None, seen: Seen | None) -> str:
    return notices.of(name, seen.models if seen else ())
