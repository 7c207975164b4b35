"""A request to paste that suits what is served."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chorus.catalog import Model

ENSEMBLE: Final = "process"  # the model behind the gateway's POST /process
TEXT: Final = "This is how true happiness looks like 👍😜"
CLASSIFICATION: Final = "text-classification"  # of a model that names no task

IMAGE: Final = (  # a red square
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEX////IHh7kMBY6AAAAFElEQVR4"
    "2mNgQAL8H5gYGDARMgAAI20BDofI/jkAAAAASUVORK5CYII="
)

# What tells most in one line comes first: where there is a choice, it is the example.
BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "text-classification": {"inputs": TEXT},
    "token-classification": {"inputs": "A 48 year-old female presented with headache."},
    "zero-shot-classification": {
        "inputs": TEXT,
        "parameters": {"candidate_labels": ["joy", "anger"]},
    },
    "text-generation": {"inputs": "Hello, how are you today?"},
    "conversational": {"inputs": [{"role": "user", "content": "Hello!"}]},
    "text2text-generation": {"inputs": TEXT},
    "summarization": {"inputs": TEXT},
    "translation": {"inputs": "How are you today?"},
    "question-answering": {
        "inputs": {"question": "Where is the bus?", "context": "The bus is at the station."}
    },
    "table-question-answering": {
        "inputs": {"query": "How many stars?", "table": {"Name": ["Ada"], "Stars": ["3"]}}
    },
    "sentence-similarity": {
        "inputs": {"source_sentence": "I am happy", "sentences": ["I am glad", "It rains"]}
    },
    "sentence-embeddings": {"inputs": TEXT},
    "feature-extraction": {"inputs": TEXT},
    "sentence-ranking": {"inputs": ["How many people live in Berlin?", "Berlin has 3.9 million."]},
    "fill-mask": {"inputs": "Paris is the <mask> of France."},
    "text-to-audio": {"inputs": "hello"},
    "image-classification": {"inputs": IMAGE},
    "object-detection": {"inputs": IMAGE},
    "image-segmentation": {"inputs": IMAGE},
    "image-to-text": {"inputs": IMAGE},
    "depth-estimation": {"inputs": IMAGE},
    "image-feature-extraction": {"inputs": IMAGE},
    "zero-shot-image-classification": {
        "inputs": IMAGE,
        "parameters": {"candidate_labels": ["red", "blue"]},
    },
    "zero-shot-object-detection": {
        "inputs": IMAGE,
        "parameters": {"candidate_labels": ["a square", "a circle"]},
    },
    "visual-question-answering": {"inputs": {"question": "What colour?", "image": IMAGE}},
    "document-question-answering": {"inputs": {"question": "What is it?", "image": IMAGE}},
    "image-text-to-text": {"inputs": {"text": "<image> What is it?", "images": IMAGE}},
}
KEY: Final = '-H "authorization: Bearer $KEY"'
# No sound is short enough to paste.
LISTENING: Final = frozenset(
    {"audio-classification", "automatic-speech-recognition", "zero-shot-audio-classification"}
)


def request(models: Sequence[Model], gateway: str, needs_key: bool = False) -> str:
    """A curl command: /process where it is served, else the model that a text tells most about."""
    command = _command(models, gateway)
    return command.replace(" -H ", f" {KEY} \\\n  -H ", 1) if needs_key else command


def _command(models: Sequence[Model], gateway: str) -> str:
    host = gateway.replace("127.0.0.1", "localhost")
    if any(model.name == ENSEMBLE for model in models):
        return _curl(f"{host}/process", TEXT)
    alone = [model for model in models if not model.members] or models
    by_task = {model.task or CLASSIFICATION: model for model in reversed(alone)}
    for task, body in BODIES.items():
        if task in by_task:
            return _curl(f"{host}/models/{by_task[task].name}", body)
    url = f"{host}/models/{alone[0].name}"
    if alone[0].task in LISTENING:
        return f"curl -s {url} -H 'Content-Type: audio/wav' \\\n  --data-binary @speech.wav"
    return _curl(url, {"inputs": TEXT})


def _curl(url: str, body: Any) -> str:
    data = json.dumps(body, ensure_ascii=False)
    return f"curl -s {url} -H 'Content-Type: application/json' \\\n  --data '{data}'"
