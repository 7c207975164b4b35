"""The table of tasks: one row each. ADDING.md says how to add one."""

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from chorus_gateway.errors import UnknownTask
from chorus_gateway.tasks.answers import (
    Answer,
    Batch,
    labels_for_client,
    scores_for_client,
    text_for_client,
)
from chorus_gateway.tasks.checks import BOOL, BOOL_OR_TEXT, LIST, TEXT, TEXTS, choice, number, whole
from chorus_gateway.tasks.forms import Chats, Media, Pairs, TextPairs, Texts
from chorus_gateway.tasks.parameters import (
    CANDIDATES,
    CHAT,
    CLASSIFICATION,
    DETAILS,
    DOCUMENT,
    EMBEDDING,
    GENERATION,
    HYPOTHESIS,
    MOST_LABELS,
    QUESTION_ANSWERING,
    STOP,
    TEXT_TO_TEXT,
    THRESHOLD,
    TOP_K,
    TRANSCRIPTION,
)
from chorus_gateway.tasks.records import (
    Columns,
    Illustrated,
    Records,
    image,
    images,
    table,
    text,
    texts,
)
from chorus_gateway.tasks.task import Generation, Task

IMAGES: Final = Media("image")
AUDIO: Final = Media("audio")
QUESTION_ABOUT_IMAGE: Final = {"image": image, "question": text}

LIST_OF_RESULTS: Final = Answer(many=True)
FLAT_LIST: Final = Answer(many=True, batch=Batch.FLAT)
GENERATED: Final = Answer(many=True, lone="")

_ROWS: Final = (
    # ------------------------------------------------------------------------- text
    Task(
        "text-classification",
        TextPairs(),
        Answer(many=True, batch=Batch.FLAT, lone="top_k", wrap_for_client=True),
        CLASSIFICATION,
        sent={"top_k": 1},  # with it every text has a list, from every server
        for_client={"top_k": MOST_LABELS},
    ),
    Task(
        "token-classification",
        Texts(),
        FLAT_LIST,
        {
            "aggregation_strategy": choice("none", "simple", "first", "average", "max"),
            "ignore_labels": LIST,
            "stride": whole(0),
        },
        for_client={"aggregation_strategy": "simple"},
    ),
    Task(
        "zero-shot-classification",
        Texts(),
        Answer(for_client=labels_for_client),
        {**CANDIDATES, **HYPOTHESIS, "multi_label": BOOL},
        required=("candidate_labels",),
    ),
    Task(
        "text-generation",
        Chats(texts=True),
        LIST_OF_RESULTS,
        {**GENERATION, **STOP, **DETAILS, "return_full_text": BOOL},
        generation=Generation.BESIDE,
        streams=True,
    ),
    Task(
        "conversational",
        Chats(texts=False),
        LIST_OF_RESULTS,
        CHAT,
        generation=Generation.BESIDE,
        streams=True,
    ),
    Task("text2text-generation", Texts(), GENERATED, TEXT_TO_TEXT, generation=Generation.BESIDE),
    Task("summarization", Texts(), GENERATED, TEXT_TO_TEXT, generation=Generation.BESIDE),
    Task(
        "translation",
        Texts(),
        GENERATED,
        {**TEXT_TO_TEXT, "src_lang": TEXT, "tgt_lang": TEXT},
        generation=Generation.BESIDE,
    ),
    Task("fill-mask", Texts(), FLAT_LIST, {**TOP_K, "targets": TEXTS}),
    Task(
        "question-answering",
        Columns({"question": text, "context": text}),
        Answer(many_with="top_k", batch=Batch.FLAT),
        QUESTION_ANSWERING,
    ),
    Task(
        "table-question-answering",
        Records({"query": text, "table": table}, {"question": "query"}),
        Answer(),
        {"padding": BOOL_OR_TEXT, "sequential": BOOL, "truncation": BOOL_OR_TEXT},
    ),
    Task(
        "feature-extraction",
        Texts(),
        Answer(many=True, batch=Batch.FLAT),
        {**EMBEDDING, "pooling": TEXT},
        at_root=True,
    ),
    Task(
        "sentence-embeddings",
        Texts(),
        Answer(key="embeddings", batch=Batch.BARE),
        EMBEDDING,
    ),
    Task(
        "sentence-similarity",
        Records({"source_sentence": text, "sentences": texts}),
        Answer(key="similarities", batch=Batch.BARE, for_client=scores_for_client),
    ),
    Task("sentence-ranking", Pairs(), Answer(key="scores", batch=Batch.BARE)),
    Task(
        "text-to-audio",
        Texts(),
        Answer(sound="audio"),
        GENERATION,
        generation=Generation.TOGETHER,
    ),
    # ----------------------------------------------------------------------- images
    Task("image-classification", IMAGES, LIST_OF_RESULTS, CLASSIFICATION),
    Task("object-detection", IMAGES, LIST_OF_RESULTS, THRESHOLD),
    Task(
        "image-segmentation",
        IMAGES,
        Answer(many=True, images=("mask",)),
        {
            **THRESHOLD,
            "mask_threshold": number(0, 1),
            "overlap_mask_area_threshold": number(0, 1),
            "subtask": choice("panoptic", "instance", "semantic"),
        },
    ),
    Task("image-feature-extraction", IMAGES, FLAT_LIST, {"pool": BOOL}),
    Task("depth-estimation", IMAGES, Answer(images=("depth",))),
    Task(
        "image-to-text",
        IMAGES,
        Answer(many=True, for_client=text_for_client),
        {**GENERATION, "prompt": TEXT},
        generation=Generation.TOGETHER,
    ),
    Task(
        "zero-shot-image-classification",
        IMAGES,
        LIST_OF_RESULTS,
        {**CANDIDATES, **HYPOTHESIS},
        required=("candidate_labels",),
    ),
    Task(
        "zero-shot-object-detection",
        IMAGES,
        LIST_OF_RESULTS,
        {**CANDIDATES, **THRESHOLD, **TOP_K},
        required=("candidate_labels",),
    ),
    # ------------------------------------------------------------- images with texts
    Task(
        "visual-question-answering",
        Records(QUESTION_ABOUT_IMAGE, at_root=True),
        LIST_OF_RESULTS,
        TOP_K,
    ),
    Task(
        "document-question-answering",
        Records(QUESTION_ABOUT_IMAGE, folded=("word_boxes",), at_root=True),
        LIST_OF_RESULTS,
        DOCUMENT,
    ),
    Task(
        "image-text-to-text",
        Illustrated({"images": images, "text": text}, {"image": "images"}),
        FLAT_LIST,
        {**GENERATION, **STOP, "return_full_text": BOOL},
        generation=Generation.TOGETHER,
    ),
    # ------------------------------------------------------------------------ audio
    Task("audio-classification", AUDIO, LIST_OF_RESULTS, CLASSIFICATION),
    Task(
        "automatic-speech-recognition",
        AUDIO,
        Answer(),
        {
            **TRANSCRIPTION,
            "return_timestamps": BOOL_OR_TEXT,
            "chunk_length_s": number(0, 3600),
            "stride_length_s": number(0, 3600),
        },
        generation=Generation.TOGETHER,
    ),
    Task(
        "zero-shot-audio-classification",
        AUDIO,
        LIST_OF_RESULTS,
        {**CANDIDATES, **HYPOTHESIS},
        required=("candidate_labels",),
    ),
)

TASKS: Final = MappingProxyType({task.name: task for task in _ROWS})

ALIASES: Final = MappingProxyType(
    {
        "sentiment-analysis": "text-classification",
        "ner": "token-classification",
        "vqa": "visual-question-answering",
        "text-to-speech": "text-to-audio",
        "embeddings": "sentence-embeddings",
    }
)

# Tasks of Hugging Face that are not here, each with the reason.
LEFT_OUT: Final = MappingProxyType(
    {
        "chat-completion": "a route, not a task: conversational and text-generation serve it",
        "text-to-image": "a diffusion model; transformers has no pipeline for it",
        "text-to-video": "a diffusion model; transformers has no pipeline for it",
        "image-to-image": "a diffusion model; transformers dropped its pipeline",
        "image-to-video": "a diffusion model; transformers has no pipeline for it",
        "image-text-to-image": "a diffusion model; transformers has no pipeline for it",
        "image-text-to-video": "a diffusion model; transformers has no pipeline for it",
        "video-classification": "its pipeline reads videos from a URL or the local disk",
        "any-to-any": "the tasks of its single modalities are here",
        "decision": "its questions are part of the model; no format for them is public",
        "keypoint-matching": "no wire form that clients know",
        "mask-generation": "no wire form that clients know",
    }
)

_TRANSLATION: Final = re.compile(r"translation_(?P<src_lang>\w+?)_to_(?P<tgt_lang>\w+)", re.ASCII)


def find(name: str) -> Task:
    """Return the row of a task, by its name or an alias. Raises UnknownTask."""
    task = TASKS.get(ALIASES.get(name, name))
    if task is not None:
        return task
    if languages := _TRANSLATION.fullmatch(name):
        return replace(TASKS["translation"], sent=languages.groupdict())
    known = ", ".join((*TASKS, *ALIASES, "translation_xx_to_yy"))
    raise UnknownTask(f"unknown task; known are {known}")
