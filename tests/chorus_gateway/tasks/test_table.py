"""The table against what Hugging Face publishes of its tasks: forgetting one fails here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.chorus_gateway.tasks.samples import SAMPLES

from chorus_gateway.errors import UnknownTask
from chorus_gateway.tasks.parameters import DETAILS, GENERATION_NAMES, GENERATION_OBJECTS
from chorus_gateway.tasks.table import ALIASES, LEFT_OUT, TASKS, find
from chorus_gateway.tasks.task import Generation

SCHEMAS = Path(__file__).parent / "schemas"
COMMON = json.loads((SCHEMAS / "common-definitions.json").read_text())
PUBLIC = sorted(p.name for p in SCHEMAS.iterdir() if p.is_dir() and p.name != "placeholder")

# What only Hugging Face's own text generation server knows.
ONLY_TGI = {
    *("adapter_id", "best_of", "decoder_input_details", "frequency_penalty", "grammar"),
    *("top_n_tokens", "truncate", "watermark"),
}
# What transformers 5 no longer generates with.
DROPPED = {"num_beam_groups", "penalty_alpha"}

# What the pipeline of transformers says it takes, and then fails on.
UNUSED = {("document-question-answering", "max_question_len")}


def input_parameters(task: str) -> set[str]:
    """Every parameter in the public schema of a task, those of generation flat."""
    schema = json.loads((SCHEMAS / task / "input.json").read_text())
    names = {*schema["properties"]} - {"inputs", "parameters", "stream"}
    parameters = schema["properties"].get("parameters")
    if parameters is not None:
        definition = schema["$defs"][parameters["$ref"].rpartition("/")[2]]
        names |= {*definition.get("properties", {})}
    if names & {*GENERATION_OBJECTS}:
        names |= {*COMMON["definitions"]["GenerationParameters"]["properties"]}
    return names - {*GENERATION_OBJECTS}


def test_every_public_task_is_served_or_left_out_for_a_reason() -> None:
    assert len(PUBLIC) > 30, "the schemas are here"
    for name in PUBLIC:
        assert (ALIASES.get(name, name) in TASKS) != (name in LEFT_OUT), name
    assert all(LEFT_OUT.values())


def test_every_pipeline_of_transformers_is_served_or_left_out_for_a_reason() -> None:
    from transformers.pipelines import SUPPORTED_TASKS, TASK_ALIASES

    for name in SUPPORTED_TASKS:
        assert (name in TASKS) != (name in LEFT_OUT), name
    for alias, name in TASK_ALIASES.items():
        assert ALIASES[alias] == name


@pytest.mark.parametrize("name", [name for name in PUBLIC if ALIASES.get(name, name) in TASKS])
def test_every_public_parameter_is_known(name: str) -> None:
    missing = input_parameters(name) - {*find(name).parameters}
    missing -= {parameter for task, parameter in UNUSED if task == name}
    assert missing <= ONLY_TGI | DROPPED


def test_the_runtime_serves_what_the_gateway_lets_through() -> None:
    from mlserver_chorus.pipelines import tasks as runtime

    assert {*TASKS} == {*runtime.TASKS}
    assert {*ALIASES.items()} == {*runtime.ALIASES.items()}
    for name, task in TASKS.items():
        sent = {*task.parameters} - {*task.form.folded, *DETAILS}
        assert sent <= {*runtime.TASKS[name].options}, name


def test_every_row_is_sound() -> None:
    for task in TASKS.values():
        assert {*task.required, *task.form.folded, *task.sent, *task.for_client} <= {
            *task.parameters
        }, task.name
        has_generation = "max_new_tokens" in task.parameters
        assert has_generation == (task.generation is not Generation.NONE), task.name
        for name, value in {**task.sent, **task.for_client}.items():
            task.parameters[name].require(value, name)


def test_every_row_has_a_sample() -> None:
    assert {*SAMPLES} == {*TASKS}


def test_generation_names_are_those_of_the_rows() -> None:
    for task in TASKS.values():
        if task.generation is Generation.TOGETHER:
            assert {*task.parameters} & {*TASKS["text-generation"].parameters} <= {
                *GENERATION_NAMES,
                *("stop", "return_full_text"),
            }


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias: str, name: str) -> None:
    assert find(alias) is TASKS[name]


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("translation_en_to_fr", {"src_lang": "en", "tgt_lang": "fr"}),
        ("translation_eng_Latn_to_fra_Latn", {"src_lang": "eng_Latn", "tgt_lang": "fra_Latn"}),
    ],
)
def test_a_translation_may_name_its_languages(name: str, languages: dict[str, Any]) -> None:
    task = find(name)
    assert task.name == "translation"
    assert task.sent == languages


@pytest.mark.parametrize(
    "name",
    ["", "classification", "translation_en", "translation_en_to_", "translation_/_to_x", "NER"],
)
def test_an_unknown_task_lists_the_known(name: str) -> None:
    with pytest.raises(UnknownTask) as caught:
        find(name)
    for known in (*TASKS, *ALIASES, "translation_xx_to_yy"):
        assert known in str(caught.value)
