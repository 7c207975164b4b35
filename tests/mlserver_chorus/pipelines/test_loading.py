"""Checkpoints to tasks: the answers are transformers' own, alone or together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.mlserver_chorus.pipelines import checkpoints
from transformers import pipeline

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines.loading import Loaded, load
from mlserver_chorus.pipelines.sharing import equal
from mlserver_chorus.pipelines.tasks import TASKS

TEXTS = ["hello", "a much longer text than the others are, with words in it", "", "x y"]


def load_task(task: str, folder: Path, **given: Any) -> Loaded:
    values: dict[str, Any] = {
        "device": "cpu",
        "max_rows": 8,
        "model_kwargs": {},
        "max_new_tokens": 64,
    }
    return load("m", TASKS[task], folder, **(values | given))


def results(loaded: Loaded, inputs: list[Any], **options: Any) -> list[Any]:
    return [json.loads(element) for element in loaded.run(options, inputs)]


@pytest.mark.parametrize(
    ("task", "maker", "options"),
    [
        ("text-classification", checkpoints.classifier, {"top_k": None}),
        ("text-classification", checkpoints.classifier, {"function_to_apply": "sigmoid"}),
        ("token-classification", checkpoints.tagger, {}),
        ("token-classification", checkpoints.tagger, {"aggregation_strategy": "simple"}),
        ("zero-shot-classification", checkpoints.entailment, {"candidate_labels": ["a", "b c d"]}),
        (
            "zero-shot-classification",
            checkpoints.entailment,
            {"candidate_labels": ["a", "b"], "multi_label": True, "hypothesis_template": "{}?"},
        ),
    ],
)
def test_texts_together_as_transformers_answers_each_alone(
    task: str, maker: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    loaded = load_task(task, maker(tmp_path / "it"))
    assert loaded.rows == 8
    reference = pipeline(task, model=str(tmp_path / "it"), device="cpu")
    texts = [text for text in TEXTS if text or task != "zero-shot-classification"]
    alone = [reference([text], **options)[0] for text in texts]
    assert equal(results(loaded, texts, **options), alone)


def test_masks(tmp_path: Path) -> None:
    loaded = load_task("fill-mask", checkpoints.mask_filler(tmp_path / "it"))
    reference = pipeline("fill-mask", model=str(tmp_path / "it"), device="cpu")
    texts = ["a [MASK] b", "[MASK]", "some more words [MASK]"]
    assert equal(results(loaded, texts, top_k=3), [reference(text, top_k=3) for text in texts])
    assert equal(results(loaded, texts[:1]), [reference(texts[0])])
    with pytest.raises(InvalidRequest, match=r"\[MASK\]"):
        loaded.run({}, ["no mask"])


def test_a_text_longer_than_the_model_is_cut(tmp_path: Path) -> None:
    loaded = load_task("text-classification", checkpoints.classifier(tmp_path / "it"))
    assert loaded.max_tokens == 128
    assert results(loaded, ["a " * 5000])[0]["label"] in loaded.labels


def test_generation(tmp_path: Path) -> None:
    loaded = load_task("text-generation", checkpoints.generator(tmp_path / "it"))
    reference = pipeline("text-generation", model=str(tmp_path / "it"), device="cpu")
    options = {"max_new_tokens": 8, "do_sample": False}
    chat = [{"role": "user", "content": "hi"}]
    assert results(loaded, ["hello", chat], **options) == [
        reference("hello", **options),
        reference(chat, **options),
    ]


def test_a_seed_repeats_chance_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    import torch

    loaded = load_task("text-generation", checkpoints.generator(tmp_path / "it"))
    before = torch.random.get_rng_state()
    options = {"max_new_tokens": 8, "do_sample": True, "seed": 3, "num_return_sequences": 3}
    first, second = results(loaded, ["a"], **options), results(loaded, ["a"], **options)
    assert first == second
    assert len(first[0]) == 3
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("prompt", "tokens"), [(2000, 1), (1000, 60)])
def test_more_than_the_model_s_positions_is_refused(
    prompt: int, tokens: int, tmp_path: Path
) -> None:
    loaded = load_task("text-generation", checkpoints.generator(tmp_path / "it"))
    with pytest.raises(InvalidRequest, match=r"1024|at most 24"):
        loaded.run({"max_new_tokens": tokens}, ["a" * prompt])


def test_a_long_prompt_is_continued_as_far_as_there_is_room(tmp_path: Path) -> None:
    loaded = load_task("text-generation", checkpoints.generator(tmp_path / "it"))
    ((made,),) = results(loaded, ["a" * 1020], do_sample=False)
    assert made["generated_text"].startswith("a" * 1020)


def test_images(tmp_path: Path) -> None:
    loaded = load_task("image-classification", checkpoints.image_classifier(tmp_path / "it"))
    reference = pipeline("image-classification", model=str(tmp_path / "it"), device="cpu")
    images = [Image.effect_noise(size, 90).convert("RGB") for size in ((30, 40), (64, 20))]
    assert equal(results(loaded, images), [reference(image) for image in images])
    assert loaded.labels == ("cat", "dog", "table")
    assert loaded.max_tokens is None


def test_audio(tmp_path: Path) -> None:
    loaded = load_task("audio-classification", checkpoints.audio_classifier(tmp_path / "it"))
    reference = pipeline("audio-classification", model=str(tmp_path / "it"), device="cpu")
    samples = np.sin(np.arange(8000, dtype=np.float32))
    assert loaded.sampling_rate == 16000
    assert equal(results(loaded, [samples], top_k=1), [reference(samples, top_k=1)])


def test_what_the_model_refuses_is_the_caller_s_fault_in_our_words(tmp_path: Path) -> None:
    loaded = load_task("token-classification", checkpoints.tagger(tmp_path / "it"))
    with pytest.raises(InvalidRequest, match="refuses") as refused:
        loaded.run({"stride": 4000}, ["canary"])
    assert "canary" not in str(refused.value)
    assert "stride" not in str(refused.value)


def test_where_a_batch_changes_answers_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints.classifier(tmp_path / "it")
    from transformers import BertForSequenceClassification

    forward = BertForSequenceClassification.forward

    def shifted(self: Any, **given: Any) -> Any:
        output = forward(self, **given)
        output.logits += 0.1 * (len(given["input_ids"]) > 1) * output.logits
        return output

    monkeypatch.setattr(BertForSequenceClassification, "forward", shifted)
    assert load_task("text-classification", folder).rows == 1


def test_fp32_unless_told_otherwise(tmp_path: Path) -> None:
    import torch

    folder = checkpoints.classifier(tmp_path / "it")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    assert load_task("text-classification", folder).pipe.model.dtype == torch.float32
    other = load_task("text-classification", folder, model_kwargs={"dtype": "bfloat16"})
    assert other.pipe.model.dtype == torch.bfloat16


def test_another_tokenizer(tmp_path: Path) -> None:
    folder = checkpoints.classifier(tmp_path / "it")
    apart = tmp_path / "tokenizer"
    apart.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.move(folder / file, apart / file)
    (folder / "vocab.txt").unlink()
    assert results(load_task("text-classification", folder, tokenizer=apart), ["a"])


@pytest.mark.parametrize("broken", ["nothing", "weights", "head", "family", "code"])
def test_what_cannot_be_loaded_is_one_line(broken: str, tmp_path: Path) -> None:
    folder = tmp_path / "it"
    task = "text-classification"
    if broken == "nothing":
        folder.mkdir()
    else:
        checkpoints.classifier(folder)
    if broken == "weights":
        (folder / "model.safetensors").write_bytes(b"x")
    if broken == "head":
        from transformers import BertModel

        BertModel.from_pretrained(folder).save_pretrained(folder)
    if broken == "family":
        task = "image-classification"
    if broken == "code":
        config = json.loads((folder / "config.json").read_text())
        config["auto_map"] = {"AutoConfig": "evil.Config"}
        (folder / "config.json").write_text(json.dumps(config | {"model_type": "evil"}))
        (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(LoadError, match=r"^model m: ") as refused:
        load_task(task, folder)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ran").exists()


def test_a_backbone_of_a_package_that_is_not_here_is_named(tmp_path: Path) -> None:
    config = {
        "model_type": "detr",
        "architectures": ["DetrForObjectDetection"],
        "use_timm_backbone": True,
        "backbone": "resnet50",
        "use_pretrained_backbone": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(LoadError, match=r"^model m: its weights need the package timm"):
        load_task("object-detection", tmp_path)
