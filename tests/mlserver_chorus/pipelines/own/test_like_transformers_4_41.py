"""Every task that transformers 4.41 had, against its own pipelines on the same checkpoints.

They run in the environment of the stock peer, which a benchmark with it sets up:
`make bench ARGS="overhead --peers stock"`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .checkpoints import made

ORACLE = Path(__file__).with_name("oracle.py")
PYTHON = Path(__file__).parents[4] / ".peers" / "stock" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # the other environment imports tensorflow
    pytest.mark.skipif(
        not PYTHON.exists(),
        reason=f"no transformers 4.41 at {PYTHON}: make bench ARGS='overhead --peers stock'",
    ),
]

TEXT = "The tower is in Paris, and the bridge is over the river. Who is where? "
SAID = [{"role": "user", "content": "where is the tower?"}]

# task, fixture of the checkpoint, input, options
CASES: list[tuple[str, str, Any, dict[str, Any]]] = [
    *(
        ("question-answering", folder, {"question": question, "context": context}, options)
        for folder in ("question_answering", "roberta_answers")
        for question, context in (
            ("Where is the tower?", TEXT),
            ("who?", TEXT * 7),
            ("where is the bridge over the river?", "xyz abc " * 60),
            ("who", "Paris"),
            ("who", "   "),
        )
        for options in (
            {},
            {"top_k": 3},
            {"top_k": 3, "align_to_words": False},
            {"max_answer_len": 2},
            {"max_seq_len": 32, "doc_stride": 8},
            {"handle_impossible_answer": True},
        )
        if context not in ("Paris", "   ") or "top_k" not in options
    ),
    *(
        (task, folder, text, options)
        for task in ("summarization", "text2text-generation", "translation_en_to_de")
        for folder in ("t5", "bart")
        for text in (TEXT[:60], "in paris", "who is over the river and where")
        for options in (
            {},
            {"max_new_tokens": 12},
            {"max_length": 15, "num_beams": 3, "num_return_sequences": 2},
            {"min_length": 5, "no_repeat_ngram_size": 2, "clean_up_tokenization_spaces": True},
        )
    ),
    ("summarization", "t5", TEXT * 9, {}),
    ("summarization", "t5", TEXT * 9, {"truncation": True}),
    *(
        ("translation", folder, "the tower is in paris", {"src_lang": src, "tgt_lang": tgt, **more})
        for folder, src, tgt in (
            ("m2m", "en", "fr"),
            ("m2m", "de", "en"),
            ("mbart", "en_XX", "de_DE"),
            ("mbart", "ro_RO", "en_XX"),
        )
        for more in ({}, {"max_new_tokens": 9})
    ),
    *(
        ("image-to-text", folder, "picture", options)
        for folder in ("captioner", "blip", "git")
        for options in ({}, {"max_new_tokens": 9})
    ),
    ("image-to-text", "blip", "picture", {"prompt": "the tower"}),
    ("image-to-text", "git", "picture", {"prompt": "the tower"}),
    *(
        ("visual-question-answering", folder, {"image": "picture", "question": question}, options)
        for folder in ("vilt", "blip_answers")
        for question in ("where is it?", "who")
        for options in ({}, {"top_k": 2}, {"top_k": 50})
    ),
    ("conversational", "chat", SAID, {"max_new_tokens": 15}),
    ("conversational", "chat", SAID, {"max_length": 40}),
    ("conversational", "chat", SAID * 2, {"max_new_tokens": 15, "num_beams": 2}),
    ("feature-extraction", "encoder", "where is the tower?", {}),
]


def given(value: Any, picture: Any) -> Any:
    """The input with its picture in place."""
    if isinstance(value, dict) and "image" in value:
        return {**value, "image": picture}
    return picture if value == "picture" else value


@pytest.fixture(scope="session")
def theirs(request: pytest.FixtureRequest, picture: Image.Image, tmp_path_factory: Any) -> Any:
    """What transformers 4.41 answers to every case."""
    path = tmp_path_factory.mktemp("oracle") / "picture.png"
    picture.save(path)
    cases = [
        {
            "task": task,
            "folder": str(request.getfixturevalue(folder)),
            "input": given(value, str(path)),
            "options": options,
        }
        for task, folder, value, options in CASES
    ]
    done = subprocess.run(
        [PYTHON, ORACLE], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_answer_is_that_of_transformers_4_41(
    number: int, theirs: Any, picture: Image.Image, request: pytest.FixtureRequest
) -> None:
    task, folder, value, options = CASES[number]
    run = made(task, request.getfixturevalue(folder))
    (ours,) = run([given(value, picture)], **options)
    assert near(ours, theirs[number]), (CASES[number], ours, theirs[number])


def near(ours: Any, theirs: Any) -> bool:
    """Equal, but for floats, which may differ by 1e-5."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) <= 1e-5
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(
            near(*pair) for pair in zip(ours, theirs, strict=True)
        )
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(near(ours[key], theirs[key]) for key in ours)
    return bool(ours == theirs)
