"""The response shapes: one result per input in, what the caller's software expects out."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Any

from chorus_gateway.tasks.request import TaskRequest


class Shape(StrEnum):
    """Who is to understand the answer."""

    BATCH = "batch"
    """B: a single input is a batch of one, as the V2 answer is."""
    ENDPOINT = "hf"
    """E: what Hugging Face's Inference Endpoints answer: the pipeline's own result."""
    CLIENT = "client"
    """A: what Hugging Face's client libraries read; it differs between them."""


def prepared(request: TaskRequest, shape: Shape) -> TaskRequest:
    """Add the parameters that a shape needs, unless the caller chose; before `wire.encode`."""
    if shape is not Shape.CLIENT:
        return request
    return replace(request, parameters={**request.task.for_client, **request.parameters})


def render(request: TaskRequest, results: list[Any], shape: Shape, user_agent: str) -> Any:
    """Present the results; a list of inputs gives one element per input in every shape."""
    answer = request.task.answer
    if shape is Shape.CLIENT:
        presented = [answer.client(result, user_agent) for result in results]
        return presented if request.listed or answer.wrap_for_client else presented[0]
    if request.listed:
        return answer.in_batch(results, request.parameters)
    if shape is Shape.BATCH:
        return answer.batch_of_one(results[0], request.parameters)
    return results[0]
