"""What is answered, and what the samples ask, against Hugging Face's public schemas."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft6Validator, ValidationError
from referencing import Registry, Resource
from tests.chorus_gateway.tasks.samples import SAMPLES, reply, with_media

from chorus_gateway.tasks import wire
from chorus_gateway.tasks.request import parse
from chorus_gateway.tasks.shapes import Shape, prepared, render
from chorus_gateway.tasks.table import ALIASES, TASKS, find

SCHEMAS = Path(__file__).parent / "schemas"
COMMON = json.loads((SCHEMAS / "common-definitions.json").read_text())
REGISTRY: Registry[Any] = Registry().with_resource(COMMON["$id"], Resource.from_contents(COMMON))
PUBLIC = sorted(
    path.parent.name
    for path in SCHEMAS.glob("*/output.json")
    if ALIASES.get(path.parent.name, path.parent.name) in TASKS
)
# Bugs of the schemas: these fields are spelled differently where they are required.
MISSPELLED = {"tokenStr": "token_str", "generatedText": "generated_text"}
# The schema is of one element, the answer a list of them.
ONE_ELEMENT = {"summarization", "translation", "text-generation", "image-to-text"}
# The schema is of a list of objects, the answer one of them.
ONE_OBJECT = {"question-answering", "table-question-answering"}
# The schema is that of the clients.
CLIENTS_ONLY = {"zero-shot-classification", "sentence-similarity"}


def validator(task: str, kind: str) -> Draft6Validator:
    schema = json.loads((SCHEMAS / task / f"{kind}.json").read_text())
    for part in (schema, schema.get("items", {})):
        if "required" in part:
            part["required"] = [MISSPELLED.get(name, name) for name in part["required"]]
    return Draft6Validator(schema, registry=REGISTRY)


def answered(task: str, shape: Shape) -> Any:
    sample = SAMPLES[find(task).name]
    request = prepared(with_media(parse(find(task), sample.body, {})), shape)
    return render(request, wire.decode(request, reply([sample.result])), shape, "hf_hub/2.4.0")


def element(task: str, shape: Shape, answer: Any) -> Any:
    """The part of an answer of which the schema speaks."""
    name = find(task).name
    if name in ONE_ELEMENT | {"feature-extraction"}:
        return answer[0]
    if name == "text-classification" and shape is Shape.CLIENT:
        return answer[0]
    return [answer] if name in ONE_OBJECT else answer


def test_the_schemas_are_here() -> None:
    assert len(PUBLIC) == 24


@pytest.mark.parametrize("task", PUBLIC)
def test_the_sample_is_a_request_of_its_task(task: str) -> None:
    validator(task, "input").validate(SAMPLES[find(task).name].body)


@pytest.mark.parametrize("shape", [Shape.ENDPOINT, Shape.CLIENT])
@pytest.mark.parametrize("task", PUBLIC)
def test_the_answer_fits_the_schema(task: str, shape: Shape) -> None:
    part = element(task, shape, answered(task, shape))
    if task in CLIENTS_ONLY and shape is Shape.ENDPOINT:
        with pytest.raises(ValidationError):
            validator(task, "output").validate(part)
    else:
        validator(task, "output").validate(part)


@pytest.mark.parametrize("task", ["fill-mask", "image-to-text", "text-classification"])
def test_an_answer_that_lacks_a_field_would_not_fit(task: str) -> None:
    part = copy.deepcopy(element(task, Shape.CLIENT, answered(task, Shape.CLIENT)))
    (part[0] if isinstance(part, list) else part).popitem()
    with pytest.raises(ValidationError):
        validator(task, "output").validate(part)
