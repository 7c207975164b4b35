"""Answers in the clients' shape against Hugging Face's public schemas."""

from __future__ import annotations

from typing import Any

from tests.chorus_gateway.tasks.test_schemas import element, validator

from chorus_gateway.tasks.shapes import Shape

# Fields of the schemas that pipelines cannot give for every model.
LACKING = {
    "document-question-answering": ("score", "start", "end"),  # Donut writes, it does not point
    "image-segmentation": ("score",),  # semantic segmentation has none
}


def problems(task: str, answer: Any) -> list[str]:
    """What the schema of the task says against an answer."""
    missing = [f"'{name}' is a required property" for name in LACKING.get(task, ())]
    errors = validator(task, "output").iter_errors(element(task, Shape.CLIENT, answer))
    return [error.message for error in errors if error.message not in missing]
