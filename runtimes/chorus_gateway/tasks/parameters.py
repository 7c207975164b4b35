"""Parameters that several tasks know.

The ranges are those that the hosted inference API had; where it had none, what the models allow.
"""

from typing import Final

from chorus_gateway.tasks.checks import (
    BOOL,
    BOOL_OR_TEXT,
    LABELS,
    LIST,
    TEXT,
    TEXTS,
    Parameters,
    choice,
    number,
    whole,
)

TOP_K: Final[Parameters] = {"top_k": whole(1)}
FUNCTION: Final[Parameters] = {"function_to_apply": choice("sigmoid", "softmax", "none")}
THRESHOLD: Final[Parameters] = {"threshold": number(0, 1)}
CANDIDATES: Final[Parameters] = {"candidate_labels": LABELS}
HYPOTHESIS: Final[Parameters] = {"hypothesis_template": TEXT}

# All of them: no model of Chorus gives more, and others give as many as they have. null says it
# too, but only to servers that read an option as JSON.
MOST_LABELS: Final = 1024

# All labels is what null asks for, so it is not the same as leaving top_k out.
CLASSIFICATION: Final[Parameters] = {"top_k": whole(1, nullable=True), **FUNCTION}

GENERATION: Final[Parameters] = {
    "max_new_tokens": whole(1),
    "min_new_tokens": whole(0),
    "max_length": whole(1, 500),
    "min_length": whole(1, 500),
    "do_sample": BOOL,
    "seed": whole(0),
    "temperature": number(0, 100),
    "top_k": whole(1),
    "top_p": number(0, 1),
    "min_p": number(0, 1),
    "typical_p": number(0, 1),
    "epsilon_cutoff": number(0, 1),
    "eta_cutoff": number(0, 1),
    "repetition_penalty": number(0, 100),
    "no_repeat_ngram_size": whole(0),
    "length_penalty": number(),
    "num_beams": whole(1),
    "early_stopping": BOOL_OR_TEXT,
    "num_return_sequences": whole(1, 10),
    "use_cache": BOOL,
}

STOP: Final[Parameters] = {"stop": TEXTS}

# Only streams have room for details, and they always hold them.
DETAILS: Final[Parameters] = {"details": BOOL}

# A conversation goes on in one way.
CHAT: Final[Parameters] = {
    **{name: check for name, check in GENERATION.items() if name != "num_return_sequences"},
    **STOP,
    **DETAILS,
    "clean_up_tokenization_spaces": BOOL,
}

TRANSCRIPTION: Final[Parameters] = {
    **GENERATION,
    "language": TEXT,
    "task": choice("transcribe", "translate"),
}

# Those that belong to generation itself, wherever the caller writes them.
GENERATION_NAMES: Final = frozenset(TRANSCRIPTION)

# One meaning, three spellings: of the hub's specification twice, and of transformers.
GENERATION_OBJECTS: Final = ("generation_parameters", "generate_parameters", "generate_kwargs")
GENERATE_KWARGS: Final = GENERATION_OBJECTS[-1]

TEXT_TO_TEXT: Final[Parameters] = {
    **GENERATION,
    "max_time": number(0),
    "clean_up_tokenization_spaces": BOOL,
    "truncation": BOOL_OR_TEXT,
}

SPANS: Final[Parameters] = {
    **TOP_K,
    "doc_stride": whole(1),
    "max_answer_len": whole(1),
    "max_seq_len": whole(1),
    "handle_impossible_answer": BOOL,
}

QUESTION_ANSWERING: Final[Parameters] = {
    **SPANS,
    "max_question_len": whole(1),
    "align_to_words": BOOL,
}

DOCUMENT: Final[Parameters] = {**SPANS, "lang": TEXT, "word_boxes": LIST}

EMBEDDING: Final[Parameters] = {
    "normalize": BOOL,
    "prompt_name": TEXT,
    "truncate": BOOL,
    "truncation_direction": choice("left", "right", "Left", "Right"),
    "dimensions": whole(1),
}
