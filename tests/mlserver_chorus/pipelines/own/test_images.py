"""Captions and answers about images against the models by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .checkpoints import made


def parts(folder: Path, family: str) -> tuple[Any, Any, Any]:
    import transformers

    return (
        getattr(transformers, family).from_pretrained(folder).eval(),
        transformers.AutoImageProcessor.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )


@pytest.mark.parametrize("kind", ["captioner", "blip", "git"])
def test_a_caption_is_what_the_model_generates(
    kind: str, picture: Image.Image, request: pytest.FixtureRequest
) -> None:
    import torch

    folder = request.getfixturevalue(kind)
    model, processor, tokenizer = parts(folder, "AutoModelForImageTextToText")
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        ids = model.generate(pixel_values=pixels, max_new_tokens=12)
    expected = tokenizer.decode(ids[0], skip_special_tokens=True, clean_up_tokenization_spaces=True)
    assert expected
    caption = made("image-to-text", folder)
    assert caption([picture], max_new_tokens=12) == [[{"generated_text": expected}]]


@pytest.mark.parametrize("kind", ["captioner", "blip", "git"])
def test_captions_are_as_long_as_they_were_and_never_too_long(
    kind: str, picture: Image.Image, request: pytest.FixtureRequest
) -> None:
    caption = made("image-to-text", request.getfixturevalue(kind))
    assert caption([picture, picture]) == caption([picture]) * 2
    assert caption([picture], max_new_tokens=5000, min_new_tokens=25)
    assert len(caption([picture], num_beams=3, num_return_sequences=2)[0]) == 2


@pytest.mark.parametrize(("kind", "unread"), [("blip", 0), ("git", 1)])
def test_a_prompt_begins_the_caption(
    kind: str, unread: int, picture: Image.Image, request: pytest.FixtureRequest
) -> None:
    """GIT goes on behind the prompt's last word, BLIP's own `generate` drops what ends it."""
    import torch

    folder = request.getfixturevalue(kind)
    model, processor, tokenizer = parts(folder, "AutoModelForImageTextToText")
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
    prompt = tokenizer("the tower is", return_tensors="pt")["input_ids"]
    prompt = prompt[:, : prompt.shape[1] - unread]
    with torch.no_grad():
        ids = model.generate(pixel_values=pixels, input_ids=prompt, max_new_tokens=12)
    expected = tokenizer.decode(ids[0], skip_special_tokens=True, clean_up_tokenization_spaces=True)
    caption = made("image-to-text", folder)
    ((found,),) = caption([picture], prompt="the tower is", max_new_tokens=12)
    assert found["generated_text"] == expected
    assert expected.startswith("the tower is")


def test_a_model_without_prompts_says_so(captioner: Path, picture: Image.Image) -> None:
    with pytest.raises(ValueError, match="takes no prompt"):
        made("image-to-text", captioner)([picture], prompt="the")


@pytest.mark.parametrize("image", ["/etc/hostname", "http://127.0.0.1/", b"bytes", None])
def test_only_an_image_is_an_image(captioner: Path, vilt: Path, image: Any) -> None:
    with pytest.raises(ValueError, match="must be sent as an image"):
        made("image-to-text", captioner)([image])
    with pytest.raises(ValueError, match="must be sent as an image"):
        made("visual-question-answering", vilt)([{"image": image, "question": "who?"}])


def test_known_answers_have_the_scores_of_their_logits(vilt: Path, picture: Image.Image) -> None:
    import torch

    model, processor, tokenizer = parts(vilt, "ViltForQuestionAnswering")
    inputs = {
        **tokenizer("where is it?", return_tensors="pt"),
        **processor(images=picture, return_tensors="pt"),
    }
    with torch.no_grad():
        scores = model(**inputs).logits[0].sigmoid().tolist()
    expected = [
        {"score": pytest.approx(scores[index], abs=1e-6), "answer": f"answer {index}"}
        for index in sorted(range(7), key=lambda index: -scores[index])
    ]
    answer = made("visual-question-answering", vilt)
    item = {"image": picture, "question": "where is it?"}
    assert answer([item], top_k=99) == [expected]
    assert answer([item]) == [expected[:5]]
    assert answer([item, item], top_k=1) == [expected[:1]] * 2


def test_generated_answers_have_no_score(blip_answers: Path, picture: Image.Image) -> None:
    import torch

    model, processor, tokenizer = parts(blip_answers, "BlipForQuestionAnswering")
    with torch.no_grad():
        ids = model.generate(
            **tokenizer("where?", return_tensors="pt"),
            **processor(images=picture, return_tensors="pt"),
            max_length=20,
        )
    expected = tokenizer.decode(
        ids[0], skip_special_tokens=True, clean_up_tokenization_spaces=True
    ).strip()
    answer = made("visual-question-answering", blip_answers)
    assert answer([{"image": picture, "question": "where?"}]) == [[{"answer": expected}]]


def test_a_long_question_is_shortened(vilt: Path, blip_answers: Path, picture: Image.Image) -> None:
    item = {"image": picture, "question": "where is the tower in paris? " * 30}
    assert made("visual-question-answering", vilt)([item])
    assert made("visual-question-answering", blip_answers)([item])


def test_a_question_is_needed(vilt: Path, picture: Image.Image) -> None:
    answer = made("visual-question-answering", vilt)
    with pytest.raises(ValueError, match="question must not be empty"):
        answer([{"image": picture, "question": ""}])
    for wrong in (picture, {"image": picture}, {"image": picture, "question": ["secret"]}):
        with pytest.raises(ValueError, match="image and question"):
            answer([wrong])
