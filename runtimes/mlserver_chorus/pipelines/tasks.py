"""The tasks on offer: how each is built, what goes in, what a request may set.

Left out, of what transformers 5.23 has: any-to-any, decision, keypoint-matching, mask-generation
(no wire form that a client of this protocol knows), video-classification (its decoder takes paths
and URLs only). Text-to-image and the like are diffusers', not transformers'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import options as o
from .options import Check
from .own import TASKS as OWN


class Input(Enum):
    """What one input of a task is."""

    TEXT = "text"
    PROMPT = "prompt"
    """A text, or a chat: a list of {role, content}."""
    CHAT = "chat"
    PAIR = "pair"
    """A question and its context."""
    RANKING = "ranking"
    """A list of a query and a text."""
    IMAGE = "image"
    AUDIO = "audio"
    RECORD = "record"
    """A JSON object; `Task.fields` says which keys it has."""


@dataclass(frozen=True)
class Task:
    """One row of the table."""

    name: str
    takes: Input
    options: Mapping[str, Check] = field(default_factory=dict)
    call: str = "alone"
    """The name of the function in `calls.py` that runs it."""
    own: bool = False
    """Whether transformers 5 has no pipeline for it, and `own/` has."""
    batches: bool = False
    """Whether inputs may share a forward pass, where loading sees that it changes no answer."""
    generates: bool = False
    streams: bool = False
    fields: tuple[str, ...] = ()
    """Keys of a record."""
    optional: frozenset[str] = frozenset()
    """Keys that may be missing."""
    required: frozenset[str] = frozenset()
    """Options that every request must set."""
    inputs: tuple[tuple[str, str, str], ...] = ()
    """Declared inputs: name, datatype, content type; what mlserver-huggingface declares."""


_ARGS = (("args", "BYTES", "str"),)
_ARRAY = (("array_inputs", "BYTES", "str"),)
_JSON = (("array_inputs", "BYTES", "hg_jsonlist"),)
_IMAGES = (("inputs", "BYTES", "pillow_image"), ("inputs", "BYTES", "base64"))
_AUDIO = (("inputs", "BYTES", "base64"), ("inputs", "FP32", "nplist"))
_LABELS = (("candidate_labels", "BYTES", "str"),)
_LABELLED = frozenset({"candidate_labels"})
_PROMPT_OPTIONS: Mapping[str, Check] = {
    **o.GENERATION,
    "stop": o.texts,
    "return_full_text": o.flag,
}


def _own(task: str, **special: Check) -> Mapping[str, Check]:
    """The options of a task in `own/`, which checks them again: what is said here is tighter."""
    known = {**o.GENERATION, **special}
    return {name: known.get(name, o.plain) for name in sorted(OWN[task])}


_ROWS = (
    Task(
        "text-classification",
        Input.TEXT,
        o.SCORES,
        call="together",
        batches=True,
        inputs=_ARGS,
    ),
    Task(
        "token-classification",
        Input.TEXT,
        {
            "aggregation_strategy": o.choice("none", "simple", "first", "average", "max"),
            "ignore_labels": o.maybe_texts,
            "stride": o.whole(0, 8192),
        },
        call="together",
        batches=True,
        inputs=_ARGS,
    ),
    Task(
        "zero-shot-classification",
        Input.TEXT,
        {**o.LABELS, "multi_label": o.flag},
        call="together",
        batches=True,
        required=_LABELLED,
        inputs=_ARRAY + _LABELS,
    ),
    Task(
        "fill-mask",
        Input.TEXT,
        {**o.TOP_K, "targets": o.texts},
        call="filled",
        batches=True,
        inputs=_ARRAY,
    ),
    Task(
        "text-generation",
        Input.PROMPT,
        _PROMPT_OPTIONS,
        call="generated",
        generates=True,
        streams=True,
        inputs=_ARRAY,
    ),
    Task(
        "conversational",
        Input.CHAT,
        _own("conversational", stop=o.texts, clean_up_tokenization_spaces=o.flag),
        own=True,
        call="own",
        generates=True,
        streams=True,
        inputs=(("array_inputs", "BYTES", "hg_conversation"), *_JSON),
    ),
    *(
        Task(
            name,
            Input.TEXT,
            _own(
                name,
                clean_up_tokenization_spaces=o.flag,
                src_lang=o.language,
                tgt_lang=o.language,
            ),
            own=True,
            call="own",
            generates=True,
            inputs=_ARRAY,
        )
        for name in ("text2text-generation", "summarization", "translation")
    ),
    Task(
        "question-answering",
        Input.PAIR,
        _own("question-answering", **o.SPANS, align_to_words=o.flag),
        own=True,
        call="own",
        fields=("question", "context"),
        inputs=(("question", "BYTES", "str"), ("context", "BYTES", "str")),
    ),
    Task(
        "table-question-answering",
        Input.RECORD,
        {
            "sequential": o.flag,
            "padding": o.choice(True, False, "longest", "max_length", "do_not_pad"),
            "truncation": o.choice(True, False, "drop_rows_to_fit", "do_not_truncate"),
        },
        fields=("table", "query"),
        inputs=_JSON,
    ),
    Task(
        "feature-extraction",
        Input.TEXT,
        _own("feature-extraction", **o.EMBEDDING),
        own=True,
        call="own",
        inputs=_ARGS,
    ),
    Task(
        "sentence-embeddings",
        Input.TEXT,
        _own("sentence-embeddings", **o.EMBEDDING),
        own=True,
        call="own",
        inputs=_ARRAY,
    ),
    Task(
        "sentence-similarity",
        Input.RECORD,
        own=True,
        call="own",
        fields=("source_sentence", "sentences"),
        inputs=_JSON,
    ),
    Task("sentence-ranking", Input.RANKING, own=True, call="own", inputs=_JSON),
    Task(
        "image-classification",
        Input.IMAGE,
        o.SCORES,
        call="together",
        batches=True,
        inputs=_IMAGES,
    ),
    Task("object-detection", Input.IMAGE, o.THRESHOLD, inputs=_IMAGES),
    Task(
        "image-segmentation",
        Input.IMAGE,
        {
            **o.THRESHOLD,
            "mask_threshold": o.number(0, 1),
            "overlap_mask_area_threshold": o.number(0, 1),
            "subtask": o.choice("panoptic", "instance", "semantic"),
        },
        inputs=_IMAGES,
    ),
    Task("depth-estimation", Input.IMAGE, inputs=_IMAGES),
    Task("image-feature-extraction", Input.IMAGE, {"pool": o.flag}, inputs=_IMAGES),
    Task(
        "zero-shot-image-classification",
        Input.IMAGE,
        o.LABELS,
        required=_LABELLED,
        inputs=(("array_inputs", "BYTES", "pillow_image"), *_LABELS),
    ),
    Task(
        "zero-shot-object-detection",
        Input.IMAGE,
        {"candidate_labels": o.labels, **o.THRESHOLD, **o.TOP_K},
        call="labelled",
        required=_LABELLED,
        inputs=(("array_inputs", "BYTES", "pillow_image"), *_LABELS),
    ),
    Task(
        "image-to-text",
        Input.IMAGE,
        _own("image-to-text", prompt=o.short),
        own=True,
        call="own",
        generates=True,
        inputs=_IMAGES,
    ),
    Task(
        "visual-question-answering",
        Input.RECORD,
        _own("visual-question-answering", **o.TOP_K),
        own=True,
        call="own",
        fields=("image", "question"),
        inputs=_JSON,
    ),
    Task(
        "document-question-answering",
        Input.RECORD,
        {**o.DOCUMENT, "lang": o.language},
        fields=("image", "question", "word_boxes"),
        optional=frozenset({"word_boxes"}),
        inputs=_JSON,
    ),
    Task(
        "image-text-to-text",
        Input.RECORD,
        _PROMPT_OPTIONS,
        call="described",
        generates=True,
        fields=("images", "text"),
        inputs=_JSON,
    ),
    Task("audio-classification", Input.AUDIO, o.SCORES, inputs=_AUDIO),
    Task(
        "zero-shot-audio-classification",
        Input.AUDIO,
        o.LABELS,
        required=_LABELLED,
        inputs=(*_AUDIO, *_LABELS),
    ),
    Task(
        "automatic-speech-recognition",
        Input.AUDIO,
        {
            **o.GENERATION,
            "return_timestamps": o.choice(True, False, "char", "word"),
            "chunk_length_s": o.number(0, 3600, above=True),
            "stride_length_s": o.number(0, 3600),
            "language": o.language,
            "task": o.choice("transcribe", "translate"),
        },
        call="transcribed",
        generates=True,
        inputs=_AUDIO,
    ),
    Task("text-to-audio", Input.TEXT, o.GENERATION, call="spoken", generates=True, inputs=_ARRAY),
)
TASKS: Mapping[str, Task] = {task.name: task for task in _ROWS}
ALIASES: Mapping[str, str] = {
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
    "vqa": "visual-question-answering",
    "text-to-speech": "text-to-audio",
    "embeddings": "sentence-embeddings",
}
_TRANSLATION = re.compile(r"translation_(?P<src>\w+?)_to_(?P<tgt>\w+)")


class UnknownTask(ValueError):
    """No task of that name; the words list those that there are."""


def find(name: str, suffix: str = "") -> tuple[Task, dict[str, Any]]:
    """A task by name or alias, and the options that its name implies. Raises UnknownTask."""
    name = ALIASES.get(name, name)
    pair = _TRANSLATION.fullmatch(name + suffix) if name.startswith("translation") else None
    if pair:
        return TASKS["translation"], {"src_lang": pair["src"], "tgt_lang": pair["tgt"]}
    if name not in TASKS:
        raise UnknownTask(f"unknown task; known are {', '.join(sorted((*TASKS, *ALIASES)))}")
    return TASKS[name], {}
