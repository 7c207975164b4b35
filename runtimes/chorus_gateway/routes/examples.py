"""Requests and answers for the documentation; every one of them can be sent as it is."""

from typing import Any, Final


def _example(summary: str, value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _predict(task: str, inputs: Any, parameters: dict[str, Any], model: str = "") -> dict[str, Any]:
    body = {
        "hf_pipeline": task,
        "model_deployed_url": model or f"http://localhost:8080/v2/models/{task}/infer",
        "inputs": inputs,
        "parameters": parameters,
    }
    return _example(task, body)


def _answer(description: str, value: Any, **others: Any) -> dict[str, Any]:
    content = {"application/json": {"example": value}}
    return {"description": description, "content": {**content, **others}}


EVENTS: Final = {"text/event-stream": {"schema": {"type": "string"}}}
SOUND: Final = {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}

# The smallest image, one pixel.
PIXEL: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)

PREDICT: Final[dict[str, Any]] = {
    "classification": _predict(
        "text-classification", "I love this", {"top_k": 2}, model="cardiffnlp"
    ),
    "generation": _predict(
        "text-generation",
        "Hello, how are you today? ",
        {"max_new_tokens": 20, "do_sample": True, "num_return_sequences": 5},
    ),
    "entities": _predict("token-classification", "A 48 year-old female presented with fever.", {}),
    "zero-shot": _predict(
        "zero-shot-classification",
        "My phone overheats since the upgrade.",
        {"candidate_labels": ["mobile", "website", "billing"]},
    ),
    "question": _predict(
        "question-answering", {"question": "Who lives here?", "context": "Ada lives here."}, {}
    ),
    "detection": _predict("object-detection", PIXEL, {"threshold": 0.5}),
}
PREDICTED: Final = _answer(
    "One element per input.",
    [{"label": "POSITIVE", "score": 0.894}, {"label": "NEUTRAL", "score": 0.081}],
)

MODELS: Final[dict[str, Any]] = {
    "text": _example("One text", {"inputs": "I love this"}),
    "texts": _example("Several", {"inputs": ["I love this", "I do not"]}),
    "bare": _example("A bare string", "I love this"),
    "labels": _example(
        "Zero-shot", {"inputs": "It overheats", "parameters": {"candidate_labels": "phone,web"}}
    ),
    "image": _example("An image in base64", {"inputs": PIXEL}),
    "stream": _example(
        "Text, token by token",
        {"inputs": "Hello", "parameters": {"max_new_tokens": 5}, "stream": True},
    ),
}
CLASSIFIED: Final = _answer(
    "What Hugging Face's clients read for the model's task; a sound as a file, a stream as events.",
    [[{"label": "positive", "score": 0.894}, {"label": "neutral", "score": 0.081}]],
    **EVENTS,
    **SOUND,
)

LISTED: Final = _answer(
    "By name; a server that does not answer has none here.",
    {
        "models": [
            {
                "name": "cardiffnlp",
                "task": "text-classification",
                "weights": "standin",
                "standin": "trained",
                "checkpoint": "cardiffnlp stand-in",
                "revision": None,
                "labels": "negative,neutral,positive",
            }
        ]
    },
)

COMPLETIONS: Final[dict[str, Any]] = {
    "prompt": _example("A prompt", {"prompt": "Hello", "max_tokens": 5}),
    "stream": _example("Streamed", {"prompt": "Hello", "max_tokens": 5, "stream": True}),
}
CHATS: Final[dict[str, Any]] = {
    "chat": _example(
        "A question", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    ),
    "stream": _example(
        "Streamed",
        {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5, "stream": True},
    ),
}

COMPLETED: Final[dict[str, Any]] = {
    "description": "What OpenAI's clients read; a stream as events.",
    "content": {"application/json": {"schema": {"type": "object"}}, **EVENTS},
}

SENTENCE: Final = _answer("The best label.", [{"label": "POSITIVE", "score": 0.894}])
