"""Drive huggingface_hub's InferenceClient; a program, so that any version of it can run this.

    python hub_calls.py http://127.0.0.1:8000 FOLDER

FOLDER holds picture.png and sound.wav. Writes `{call: {"value": …} or {"error": …}}` to stdout as
JSON; a stream is the list of its parts, bytes are their first four, an image is its size.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import InferenceClient

TABLE = {"city": ["Paris", "Rome"], "people": ["2000000", "2800000"]}
QUESTION = {"question": "Where is it?", "context": "The tower is in Paris."}
MESSAGES = [{"role": "user", "content": "Hello"}]
LABELS = ["a cat", "a dog", "a house"]

# The name is the model's, then what is special about the call.
CALLS: dict[str, Callable[[InferenceClient, bytes, bytes], Any]] = {
    "text-classification": lambda c, _, __: c.text_classification("I like you"),
    "text-classification, top_k": lambda c, _, __: c.text_classification("I like you", top_k=2),
    "token-classification": lambda c, _, __: c.token_classification("My name is Sarah"),
    "token-classification, strategy": lambda c, _, __: c.token_classification(
        "My name is Sarah", aggregation_strategy="first"
    ),
    "zero-shot-classification": lambda c, _, __: c.zero_shot_classification("A pet", LABELS),
    "zero-shot-classification, multi": lambda c, _, __: c.zero_shot_classification(
        "A pet", LABELS, multi_label=True, hypothesis_template="This is {}."
    ),
    "question-answering": lambda c, _, __: c.question_answering(
        question=QUESTION["question"], context=QUESTION["context"]
    ),
    "table-question-answering": lambda c, _, __: c.table_question_answering(
        query="How many?", table=TABLE
    ),
    "fill-mask": lambda c, _, __: c.fill_mask("Paris is the <mask> of France."),
    "summarization": lambda c, _, __: c.summarization("The tower is tall. It is in Paris."),
    "translation": lambda c, _, __: c.translation("Good morning"),
    "translation, languages": lambda c, _, __: c.translation(
        "Good morning", src_lang="en", tgt_lang="fr"
    ),
    "text-generation": lambda c, _, __: c.text_generation(
        "Hello", max_new_tokens=5, do_sample=False
    ),
    "text-generation, stream": lambda c, _, __: c.text_generation(
        "Hello", max_new_tokens=5, do_sample=False, stream=True
    ),
    "text-generation, stream of details": lambda c, _, __: c.text_generation(
        "Hello", max_new_tokens=5, do_sample=False, stream=True, details=True
    ),
    "feature-extraction": lambda c, _, __: c.feature_extraction("Hello"),
    "feature-extraction, normalize": lambda c, _, __: c.feature_extraction("Hello", normalize=True),
    "sentence-similarity": lambda c, _, __: c.sentence_similarity(
        "I am happy", other_sentences=["I am glad", "It rains"]
    ),
    "image-classification": lambda c, image, _: c.image_classification(image),
    "image-classification, top_k": lambda c, image, _: c.image_classification(image, top_k=1),
    "object-detection": lambda c, image, _: c.object_detection(image),
    "object-detection, threshold": lambda c, image, _: c.object_detection(image, threshold=0.0),
    "image-segmentation": lambda c, image, _: c.image_segmentation(image),
    "image-to-text": lambda c, image, _: c.image_to_text(image),
    "zero-shot-image-classification": lambda c, image, _: c.zero_shot_image_classification(
        image, LABELS
    ),
    "visual-question-answering": lambda c, image, _: c.visual_question_answering(image, "What?"),
    "document-question-answering": lambda c, image, _: c.document_question_answering(image, "Who?"),
    "audio-classification": lambda c, _, sound: c.audio_classification(sound),
    "automatic-speech-recognition": lambda c, _, sound: c.automatic_speech_recognition(sound),
    "text-to-audio": lambda c, _, __: c.text_to_speech("Hello"),
    "conversational": lambda c, _, __: c.chat_completion(MESSAGES, max_tokens=5),
    "conversational, stream": lambda c, _, __: c.chat_completion(
        MESSAGES, max_tokens=5, stream=True
    ),
    "text-classification, health": lambda c, _, __: c.health_check(),
    "text-classification, info": lambda c, _, __: c.get_endpoint_info(),
}


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | Iterator):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return value[:4].decode("latin-1")
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value.size) if hasattr(value, "size") else value


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    image, sound = (folder / "picture.png").read_bytes(), (folder / "sound.wav").read_bytes()
    told: dict[str, Any] = {}
    for name, call in CALLS.items():
        model = f"{url}/models/{name.partition(',')[0]}"
        client = InferenceClient(model=model, provider="hf-inference", timeout=60)
        try:
            told[name] = {"value": plain(call(client, image, sound))}
        except Exception as error:
            told[name] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
