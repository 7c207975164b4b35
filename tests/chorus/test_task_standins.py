"""Stand-ins of random weights: each loads as its task, and says something else of another input."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForVisualQuestionAnswering,
    AutoProcessor,
    AutoTokenizer,
    pipeline,
)

from chorus.standins.tasks import make as maker
from chorus.standins.tasks.make import make
from chorus.standins.tasks.recipes import RECIPES, is_made

TASKS = Path(__file__).parents[2] / "models" / "tasks"
MEGABYTES = 1_000_000

TEXTS = ("I love this movie, it made me happy.", "The meeting was moved to Thursday in Berlin.")
LABELS = {"candidate_labels": ["mobile", "billing", "account access"]}


def _image(number: int) -> Image.Image:
    """A red rectangle, or noise."""
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    if number == 0:
        pixels[:] = 255
        pixels[20:70, 30:90] = (255, 0, 0)
    return Image.fromarray(pixels)


def _sound(hertz: int, number: int) -> Any:
    """A second of A, or of noise."""
    tone = np.sin(2 * np.pi * 440 * np.arange(hertz) / hertz)
    noise = 0.3 * np.random.default_rng(0).normal(size=hertz)
    return (noise if number else tone).astype(np.float32)


IMAGES = (_image(0), _image(1))
Answers = tuple[Any, ...]


@pytest.fixture(scope="session")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, in a folder like models/tasks."""
    root = tmp_path_factory.mktemp("tasks")
    for task in RECIPES:
        make(task, root / task / "standin")
    return root


def _piped(task: str, *inputs: Any, **options: Any) -> Callable[[str], Answers]:
    def run(folder: str) -> Answers:
        answer = pipeline(task, folder, device="cpu")
        return tuple(answer(one, **options) for one in inputs)

    return run


def _heard(task: str, **options: Any) -> Callable[[str], Answers]:
    def run(folder: str) -> Answers:
        answer = pipeline(task, folder, device="cpu")
        hertz = answer.feature_extractor.sampling_rate
        return tuple(answer(_sound(hertz, number), **options) for number in (0, 1))

    return run


def _rewritten(folder: str) -> Answers:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    rows = [model.generate(**tokenizer(text, return_tensors="pt")) for text in TEXTS]
    return tuple(tokenizer.decode(row[0], skip_special_tokens=True) for row in rows)


def _extracted(folder: str) -> Answers:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder)
    with torch.no_grad():
        rows = [model(**tokenizer("Who?", text, return_tensors="pt")) for text in TEXTS]
    return tuple((row.start_logits.tolist(), row.end_logits.tolist()) for row in rows)


def _embedded(folder: str) -> Answers:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.no_grad():
        rows = [model(**tokenizer(text, return_tensors="pt")) for text in TEXTS]
    return tuple(row.last_hidden_state.mean(1).tolist() for row in rows)


def _captioned(folder: str) -> Answers:
    model = AutoModelForImageTextToText.from_pretrained(folder)
    images, words = (
        AutoImageProcessor.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    rows = [model.generate(**images(image, return_tensors="pt")) for image in IMAGES]
    return tuple(words.decode(row[0], skip_special_tokens=True) for row in rows)


def _asked(folder: str) -> Answers:
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForVisualQuestionAnswering.from_pretrained(folder)
    with torch.no_grad():
        rows = [model(**processor(image, "What?", return_tensors="pt")) for image in IMAGES]
    return tuple(row.logits.tolist() for row in rows)


def _discussed(folder: str) -> Answers:
    talk = pipeline("image-text-to-text", folder, device="cpu")
    text = {"type": "text", "text": "What is it?"}
    chats = [
        [{"role": "user", "content": [{"type": "image", "image": image}, text]}] for image in IMAGES
    ]
    return tuple(talk(text=chat, return_full_text=False)[0]["generated_text"] for chat in chats)


def _read(folder: str) -> Answers:
    read = pipeline("document-question-answering", folder, device="cpu")
    return tuple(read(image=image, question="What is the total?") for image in IMAGES)


def _spoken(folder: str) -> Answers:
    say = pipeline("text-to-audio", folder, device="cpu")
    waves = [say(text)["audio"] for text in TEXTS]
    assert all(np.isfinite(wave).all() and wave.std() > 0 for wave in waves)
    return tuple(wave.tolist() for wave in waves)


CHATS = tuple([{"role": "user", "content": text}] for text in TEXTS)
TABLES = tuple(
    {"query": "How many stars?", "table": {"Name": [name, "Eve"], "Stars": [stars, "20"]}}
    for name, stars in (("Ada", "10"), ("Bob", "30"))
)
FORMS = {
    "text-classification": _piped("text-classification", *TEXTS),
    "token-classification": _piped("token-classification", *TEXTS),
    "zero-shot-classification": _piped("zero-shot-classification", *TEXTS, **LABELS),
    "fill-mask": _piped("fill-mask", "Paris is the <mask> of France.", "I <mask> the bus."),
    "question-answering": _extracted,
    "table-question-answering": _piped("table-question-answering", *TABLES),
    "feature-extraction": _piped("feature-extraction", *TEXTS),
    "sentence-similarity": _embedded,
    "sentence-embeddings": _embedded,
    "sentence-ranking": _piped(
        "text-classification", *({"text": "a query", "text_pair": text} for text in TEXTS)
    ),
    "text-generation": _piped("text-generation", *TEXTS, return_full_text=False),
    "conversational": _piped("text-generation", *CHATS, return_full_text=False),
    "text2text-generation": _rewritten,
    "summarization": _rewritten,
    "translation": _rewritten,
    "image-classification": _piped("image-classification", *IMAGES),
    "image-feature-extraction": _piped("image-feature-extraction", *IMAGES),
    "image-segmentation": _piped("image-segmentation", *IMAGES),
    "object-detection": _piped("object-detection", *IMAGES),
    "depth-estimation": _piped("depth-estimation", *IMAGES),
    "zero-shot-image-classification": _piped("zero-shot-image-classification", *IMAGES, **LABELS),
    "zero-shot-object-detection": _piped("zero-shot-object-detection", *IMAGES, **LABELS),
    "image-to-text": _captioned,
    "image-text-to-text": _discussed,
    "visual-question-answering": _asked,
    "document-question-answering": _read,
    "audio-classification": _heard("audio-classification"),
    "automatic-speech-recognition": _heard("automatic-speech-recognition"),
    "zero-shot-audio-classification": _heard("zero-shot-audio-classification", **LABELS),
    "text-to-audio": _spoken,
}


def test_every_task_is_tried_and_has_a_model() -> None:
    assert FORMS.keys() == RECIPES.keys()
    assert {path.parent.name for path in TASKS.glob("*/model-settings.json")} == RECIPES.keys()


@pytest.mark.parametrize("task", RECIPES)
def test_it_answers_two_inputs_differently(task: str, standins: Path) -> None:
    first, second = FORMS[task](str(standins / task / "standin"))
    assert first
    assert second
    assert repr(first) != repr(second)


@pytest.mark.parametrize("task", RECIPES)
def test_it_is_small_and_its_card_says_what_it_is(task: str, standins: Path) -> None:
    folder = standins / task / "standin"
    assert is_made(folder)
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 2 * MEGABYTES
    assert (folder / "model.safetensors").stat().st_mode & 0o444 == 0o444
    card = (folder / "README.md").read_text()
    assert "Random weights, no real model." in card
    assert f"python -m chorus.standins.tasks {task}" in card
    assert str(standins) not in "".join(path.read_text() for path in folder.glob("*.json"))


@pytest.mark.parametrize("task", RECIPES)
def test_its_settings_are_the_tasks(task: str) -> None:
    settings = json.loads((TASKS / task / "model-settings.json").read_text())
    parameters = settings["parameters"]
    assert settings["name"] == task
    assert settings["implementation"] == "mlserver_chorus.Pipeline"
    assert parameters["uri"].startswith("hf://")
    assert parameters["extra"]["task"] == task
    assert parameters["extra"]["standin"] == "./standin"


def test_the_labels_are_those_of_the_real_models(standins: Path) -> None:
    def labels(task: str) -> set[str]:
        config = json.loads((standins / task / "standin" / "config.json").read_text())
        return set(config["id2label"].values())

    assert labels("text-classification") == {"NEGATIVE", "POSITIVE"}
    assert labels("zero-shot-classification") == {"ENTAILMENT", "NEUTRAL", "CONTRADICTION"}
    assert {"O", "B-Age", "I-Age"} <= labels("token-classification")
    assert "table" in labels("object-detection")


def test_a_table_is_found(standins: Path) -> None:
    detect = pipeline("object-detection", str(standins / "object-detection" / "standin"))
    found = detect(_image(0))
    assert {one["label"] for one in found} == {"table"}
    assert all(set(one["box"]) == {"xmin", "ymin", "xmax", "ymax"} for one in found)


def test_a_chat_ends_with_the_end_token(standins: Path) -> None:
    for task in ("text-generation", "conversational"):
        tokenizer = AutoTokenizer.from_pretrained(standins / task / "standin")
        prompt = tokenizer.apply_chat_template(CHATS[0], tokenize=False, add_generation_prompt=True)
        assert prompt == f"<|user|>\n{TEXTS[0]}<|end|>\n<|assistant|>\n"
        assert tokenizer.eos_token_id is not None
        assert tokenizer.decode(tokenizer(TEXTS[0]).input_ids) == TEXTS[0]


@pytest.mark.slow
def test_it_is_the_same_every_time(standins: Path, tmp_path: Path) -> None:
    """One of every tokenizer and of every kind of input, made by another process."""
    tasks = ["text-classification", "text-generation", "translation", "table-question-answering"]
    tasks += ["zero-shot-image-classification", "object-detection", "text-to-audio"]
    command = [sys.executable, "-m", "chorus.standins.tasks", *tasks, "--into", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "making stand-ins: 7 of 7, text-to-audio"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(tasks)
    for task in tasks:
        for path in (standins / task / "standin").iterdir():
            assert (tmp_path / task / "standin" / path.name).read_bytes() == path.read_bytes()


def test_half_a_standin_is_none_and_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "fill-mask" / "standin"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{")
    (folder / "left").touch()
    assert not is_made(folder)
    make("fill-mask", folder)
    assert is_made(folder)
    assert not (folder / "left").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["standin"]


def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fill-mask" / "standin"
    make("fill-mask", folder)

    def fail(*_: object) -> str:
        raise OSError("no space left")

    monkeypatch.setattr(maker, "model_card", fail)
    with pytest.raises(OSError, match="no space left"):
        make("fill-mask", folder)
    assert is_made(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["standin"]


def test_an_unknown_task_lists_the_known_ones() -> None:
    command = [sys.executable, "-m", "chorus.standins.tasks", "knitting"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "knitting" in done.stderr
    assert "text-generation" in done.stderr
