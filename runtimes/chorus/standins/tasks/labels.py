"""The labels of the stand-ins: those of the real models, or some of them where these are many."""

from collections.abc import Sequence

SENTIMENT = ("NEGATIVE", "POSITIVE")
ENTAILMENT = ("ENTAILMENT", "NEUTRAL", "CONTRADICTION")
AGGREGATIONS = ("NONE", "SUM", "AVERAGE", "COUNT")
PAGE = ("table", "table rotated")
CLOTHES = ("Background", "Hat", "Hair", "Upper-clothes", "Skirt", "Pants", "Dress", "Face")
OBJECTS = ("tabby cat", "golden retriever", "sports car", "mountain bike", "teapot", "banana")
ANSWERS = ("yes", "no", "1", "2", "3", "red", "blue", "white", "cat", "dog", "man", "woman")
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "_unknown_")

_ENTITIES = (
    "Age",
    "Sex",
    "Sign_symptom",
    "Disease_disorder",
    "Diagnostic_procedure",
    "Biological_structure",
    "Medication",
    "Dosage",
    "Duration",
    "Lab_value",
)
CLINICAL = ("O", *(f"{place}-{entity}" for entity in _ENTITIES for place in "BI"))


def numbered(labels: Sequence[str]) -> dict[str, dict[int, str] | dict[str, int]]:
    """The two directions in which a configuration keeps its labels."""
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }
