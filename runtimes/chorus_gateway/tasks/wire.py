"""A task request as V2 JSON, and the V2 reply as one result per input.

Both directions take time in proportion to the images and audio in them, and the first call a
moment more (`codecs.load`): a server does it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chorus_gateway import codecs
from chorus_gateway.errors import UpstreamInvalid
from chorus_gateway.tasks.parameters import DETAILS, GENERATE_KWARGS, GENERATION_NAMES
from chorus_gateway.tasks.request import TaskRequest
from chorus_gateway.tasks.task import Generation


def encode(request: TaskRequest) -> bytes:
    """Write the V2 request; its media have been read. Raises BadInput."""
    form = request.task.form
    parameters = {**request.task.sent, **request.parameters}
    folded = {name: parameters.pop(name) for name in form.folded if name in parameters}
    if request.task.generation is Generation.TOGETHER:
        parameters = _together(parameters)
    options = [
        codecs.encode_option(name, value)
        for name, value in parameters.items()
        if name not in DETAILS
    ]
    return codecs.encode_request([*form.encode(request.inputs, folded), *options])


def _together(parameters: dict[str, Any]) -> dict[str, Any]:
    """Put the parameters of generation into the one object in which some pipelines want them."""
    generation = {name: value for name, value in parameters.items() if name in GENERATION_NAMES}
    others = {name: value for name, value in parameters.items() if name not in GENERATION_NAMES}
    return others | ({GENERATE_KWARGS: generation} if generation else {})


def decode(request: TaskRequest, reply: Mapping[str, Any]) -> list[Any]:
    """Read one result per input, each in the form that the task has. Raises UpstreamInvalid."""
    elements = codecs.decode_output(reply)
    if len(request.inputs) == 1 and len(elements) != 1:
        elements = [elements]  # mlserver-huggingface spreads the list of a single input
    if len(elements) != len(request.inputs):
        raise UpstreamInvalid("not as many results as inputs")
    return [request.task.answer.normal(element, request.parameters) for element in elements]
