"""The tabs of the page: a table with one row for each task, in groups, as they stand."""

from __future__ import annotations

from typing import Final

from chorus_ui.panels import (
    chat,
    depth,
    detection,
    entities,
    generation,
    labels,
    masks,
    questions,
    seen,
    segmentation,
    similarity,
    sounds,
    tables,
    vectors,
    writing,
)
from chorus_ui.panels.panel import Panel

__all__ = ["GROUPS", "PANELS", "Panel"]

GROUPS: Final[dict[str, tuple[Panel, ...]]] = {
    "Text": (
        Panel("text-classification", "Classify text", labels.TEXT.build),
        Panel("token-classification", "Mark names", entities.FORM.build),
        Panel("zero-shot-classification", "Your own labels", labels.TEXT_ZERO_SHOT.build),
        Panel("fill-mask", "Fill a gap", masks.FORM.build),
        Panel("question-answering", "Ask a text", questions.FORM.build),
        Panel("table-question-answering", "Ask a table", tables.FORM.build),
        Panel("feature-extraction", "Features", vectors.TEXT.build),
        Panel("sentence-embeddings", "Embeddings", vectors.TEXT.build),
        Panel("sentence-similarity", "Similarity", similarity.NEAR.build),
        Panel("sentence-ranking", "Ranking", similarity.ANSWERING.build),
    ),
    "Writing": (
        Panel("conversational", "Chat", chat.build),
        Panel("text-generation", "Write on", generation.build),
        Panel("text2text-generation", "Text to text", writing.FREELY.build),
        Panel("summarization", "Summarise", writing.SUMMARY.build),
        Panel("translation", "Translate", writing.TRANSLATION.build),
    ),
    "Images": (
        Panel("image-classification", "Classify images", labels.IMAGE.build),
        Panel("object-detection", "Find objects", detection.KNOWN.build),
        Panel("image-segmentation", "Segment images", segmentation.FORM.build),
        Panel("depth-estimation", "Depth", depth.FORM.build),
        Panel("image-feature-extraction", "Image features", vectors.IMAGE.build),
        Panel("image-to-text", "Caption images", seen.CAPTION.build),
        Panel(
            "zero-shot-image-classification", "Images, your labels", labels.IMAGE_ZERO_SHOT.build
        ),
        Panel("zero-shot-object-detection", "Find what you name", detection.NAMED.build),
        Panel("visual-question-answering", "Ask an image", seen.QUESTION.build),
        Panel("document-question-answering", "Ask a document", seen.DOCUMENT.build),
        Panel("image-text-to-text", "Images and text", seen.INSTRUCTION.build),
    ),
    "Sounds": (
        Panel("audio-classification", "Classify sounds", labels.AUDIO.build),
        Panel(
            "zero-shot-audio-classification", "Sounds, your labels", labels.AUDIO_ZERO_SHOT.build
        ),
        Panel("automatic-speech-recognition", "Transcribe", sounds.TRANSCRIPTION.build),
        Panel("text-to-audio", "Speak", sounds.SPEECH.build),
    ),
}
"""Each group is a tab with a tab for each of its tasks."""

PANELS: Final = tuple(panel for group in GROUPS.values() for panel in group)
