"""A task, as the table has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from chorus_gateway.tasks.answers import Answer
from chorus_gateway.tasks.checks import Parameters
from chorus_gateway.tasks.forms import Form


class Generation(Enum):
    """Where the parameters of text generation travel."""

    NONE = "the task has none"
    BESIDE = "each by itself, as every other parameter"
    TOGETHER = "in one object, generate_kwargs"


@dataclass(frozen=True)
class Task:
    """One row: a task's wire shape, its parameters and its answer."""

    name: str
    form: Form
    answer: Answer
    parameters: Parameters = field(default_factory=dict)
    required: tuple[str, ...] = ()
    at_root: bool = False
    """Whether the parameters are written beside `inputs`, not in `parameters`."""
    generation: Generation = Generation.NONE
    streams: bool = False
    sent: Mapping[str, Any] = field(default_factory=dict)
    """Sent unless the caller says otherwise, so that what comes back does not depend on it."""
    for_client: Mapping[str, Any] = field(default_factory=dict)
    """The same for Hugging Face's own clients (the shape A)."""
