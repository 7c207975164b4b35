"""Which tasks have a stand-in, and who makes it; light, so that the supervisor can look."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = "standin"  # its name, beside a model-settings.json
CARD: Final = "README.md"

# task: the module of this package and the function in it
RECIPES: Final[Mapping[str, str]] = {
    "text-classification": "text:text_classification",
    "token-classification": "text:token_classification",
    "zero-shot-classification": "text:zero_shot_classification",
    "fill-mask": "text:fill_mask",
    "question-answering": "text:question_answering",
    "table-question-answering": "text:table_question_answering",
    "feature-extraction": "text:embeddings",
    "sentence-similarity": "text:embeddings",
    "sentence-embeddings": "text:embeddings",
    "sentence-ranking": "text:sentence_ranking",
    "text-generation": "generation:text_generation",
    "conversational": "generation:conversational",
    "text2text-generation": "generation:text2text_generation",
    "summarization": "generation:summarization",
    "translation": "generation:translation",
    "image-classification": "vision:image_classification",
    "image-feature-extraction": "vision:image_feature_extraction",
    "image-segmentation": "vision:image_segmentation",
    "object-detection": "vision:object_detection",
    "depth-estimation": "vision:depth_estimation",
    "zero-shot-image-classification": "multimodal:zero_shot_image_classification",
    "zero-shot-object-detection": "multimodal:zero_shot_object_detection",
    "image-to-text": "multimodal:image_to_text",
    "image-text-to-text": "multimodal:image_text_to_text",
    "visual-question-answering": "multimodal:visual_question_answering",
    "document-question-answering": "multimodal:document_question_answering",
    "audio-classification": "audio:audio_classification",
    "automatic-speech-recognition": "audio:automatic_speech_recognition",
    "zero-shot-audio-classification": "audio:zero_shot_audio_classification",
    "text-to-audio": "audio:text_to_audio",
}


def is_made(folder: Path) -> bool:
    """Whether a whole stand-in is there: its card is written last."""
    return (folder / CARD).is_file()
