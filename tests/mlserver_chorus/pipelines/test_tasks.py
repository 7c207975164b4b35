"""The table is whole: every public task is in it or left out by name."""

from __future__ import annotations

import pytest

from mlserver_chorus.pipelines import tasks
from mlserver_chorus.pipelines.inputs import _READERS
from mlserver_chorus.pipelines.own import TASKS as OWN
from mlserver_chorus.pipelines.tasks import ALIASES, TASKS, UnknownTask, find

LEFT_OUT = {
    "any-to-any",
    "decision",
    "keypoint-matching",
    "mask-generation",
    "video-classification",
}


def test_every_task_of_transformers_is_on_offer_or_left_out_by_name() -> None:
    from transformers.pipelines import SUPPORTED_TASKS

    there = {name for name, task in TASKS.items() if not task.own}
    assert there <= set(SUPPORTED_TASKS)
    assert set(SUPPORTED_TASKS) - set(TASKS) == LEFT_OUT
    assert all(name in (tasks.__doc__ or "") for name in LEFT_OUT)


def test_the_others_are_those_of_our_own() -> None:
    assert {name for name, task in TASKS.items() if task.own} == set(OWN)
    for name in OWN:
        assert set(TASKS[name].options) == OWN[name]


def test_each_row_can_be_run() -> None:
    from mlserver_chorus.pipelines.calls import CALLS

    for task in TASKS.values():
        assert task.call in CALLS
        assert task.takes in _READERS
        assert task.inputs
        assert task.required <= set(task.options)
        assert task.optional <= set(task.fields)


def test_every_alias_names_a_task() -> None:
    assert set(ALIASES.values()) <= set(TASKS)
    assert find("ner") == (TASKS["token-classification"], {})


@pytest.mark.parametrize("name", ["translation_en_to_fr", "translation"])
def test_the_languages_may_be_in_the_name(name: str) -> None:
    suffix = "" if "_" in name else "_en_to_fr"
    assert find(name, suffix) == (TASKS["translation"], {"src_lang": "en", "tgt_lang": "fr"})


def test_an_unknown_task_hears_which_there_are() -> None:
    with pytest.raises(UnknownTask, match="fill-mask") as refused:
        find("canary")
    assert "canary" not in str(refused.value)
