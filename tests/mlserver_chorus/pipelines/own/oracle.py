"""Run by an environment with transformers 4.41: cases as JSON on standard input, answers out.

    python oracle.py < cases.json > answers.json

A case is {"task", "folder", "input", "options"}; an image is the path of a file.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

import transformers
from transformers import pipeline
from transformers.pipelines import Conversation

transformers.logging.set_verbosity_error()
made = cache(lambda task, folder: pipeline(task, model=folder, device="cpu"))


def answer(case: dict[str, Any]) -> Any:
    run, options = made(case["task"], case["folder"]), case["options"]
    if case["task"] != "conversational":
        return run(case["input"], **options)
    return run(Conversation(case["input"]), **options).messages


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
