"""What may be asked of a task, checked before any model is loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from mlserver_chorus.pipelines.own import TASKS, options


def test_the_table_is_read_without_loading_what_runs_it() -> None:
    code = (
        "import sys, mlserver_chorus.pipelines.own as o; print(f'{o.__name__}.rows' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_task_names_its_options() -> None:
    assert len(TASKS) == 11
    assert {"src_lang", "tgt_lang", "num_beams"} <= TASKS["translation"]
    assert "src_lang" not in TASKS["summarization"]
    assert TASKS["sentence-similarity"] == frozenset()


@pytest.mark.parametrize("name", ["custom_generate", "assistant_model", "trust_remote_code"])
def test_what_would_reach_the_machine_is_no_option(name: str) -> None:
    assert not any(name in known for known in TASKS.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_beams", 0),
        ("num_beams", 33),
        ("num_beams", True),
        ("num_beams", "4"),
        ("num_beams", 2.0),
        ("temperature", float("nan")),
        ("temperature", -1),
        ("top_p", 1.5),
        ("do_sample", 1),
        ("early_stopping", "sometimes"),
        ("seed", -1),
        ("max_new_tokens", 0),
        ("num_workers", 2),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        options.read({name: value}, options.GENERATION)


def test_null_is_the_default_and_whole_numbers_are_numbers() -> None:
    values = {"temperature": 1, "top_k": None, "do_sample": True, "early_stopping": "never"}
    read = options.read(values, options.GENERATION)
    assert read == {"temperature": 1.0, "do_sample": True, "early_stopping": "never"}
    assert isinstance(read["temperature"], float)


def test_one_string_or_several_stop() -> None:
    assert options.read({"stop": "x"}, options.CHAT) == {"stop": ["x"]}
    assert options.read({"stop": ["x", "y"]}, options.CHAT) == {"stop": ["x", "y"]}
    with pytest.raises(ValueError, match="stop"):
        options.read({"stop": ["x", ""]}, options.CHAT)
