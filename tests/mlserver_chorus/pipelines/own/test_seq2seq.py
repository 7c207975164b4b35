"""Text to text against `generate` by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .checkpoints import made, save_tokenizer

TEXT = "The tower is in Paris, and the bridge is over the river."


def by_hand(folder: Path, text: str, **settings: Any) -> list[str]:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        output = model.generate(ids, **settings)
    texts: list[str] = tokenizer.batch_decode(
        output, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    assert any(texts), "the model has to say something, or nothing is tested"
    return texts


def test_text_goes_through_generate(t5: Path) -> None:
    generate = made("text2text-generation", t5)
    expected = by_hand(t5, TEXT, max_length=20)
    assert generate([TEXT]) == [[{"generated_text": text} for text in expected]]


def test_options_reach_generate_and_several_sequences_come_back(t5: Path) -> None:
    options = {"num_beams": 4, "num_return_sequences": 3, "max_new_tokens": 9}
    expected = by_hand(t5, TEXT, **options)
    (found,) = made("text2text-generation", t5)([TEXT], **options)
    assert found == [{"generated_text": text} for text in expected]
    assert len(found) == 3


def test_a_summary_follows_the_presets_of_its_checkpoint(t5: Path) -> None:
    expected = by_hand(t5, "the : " + TEXT, max_length=30, min_length=8, num_beams=2)
    assert made("summarization", t5)([TEXT]) == [[{"summary_text": expected[0]}]]
    shorter = by_hand(t5, "the : " + TEXT, max_length=12, min_length=8, num_beams=2)
    assert made("summarization", t5)([TEXT], max_length=12) == [[{"summary_text": shorter[0]}]]


def test_presets_translate_between_the_languages_asked_for(t5: Path) -> None:
    german = by_hand(t5, "en de : " + TEXT, max_length=25)
    french = by_hand(t5, "en fr : " + TEXT, max_length=25, num_beams=3)
    translate = made("translation", t5)
    pair = {"src_lang": "en", "tgt_lang": "de"}
    assert translate([TEXT], **pair) == [[{"translation_text": german[0]}]]
    named = made("translation_en_to_fr", t5)
    assert named([TEXT]) == [[{"translation_text": french[0]}]]
    assert named([TEXT], tgt_lang="de") == [[{"translation_text": german[0]}]]
    with pytest.raises(ValueError, match="en_to_de, en_to_fr"):
        translate([TEXT], src_lang="de", tgt_lang="en")
    with pytest.raises(ValueError, match="src_lang and tgt_lang"):
        translate([TEXT])


def test_a_model_of_one_direction_ignores_languages(bart: Path) -> None:
    translate = made("translation", bart)
    assert translate([TEXT], src_lang="xx", tgt_lang="yy") == translate([TEXT])


@pytest.mark.parametrize(
    ("folder", "source", "target", "first"),
    [("m2m", "en", "fr", "__fr__"), ("mbart", "ro_RO", "en_XX", "en_XX")],
)
def test_a_tokenizer_with_languages_begins_with_the_target(
    folder: str, source: str, target: str, first: str, request: pytest.FixtureRequest
) -> None:
    import torch

    translate: Any = made("translation", request.getfixturevalue(folder))
    (found,) = translate(["the tower"], src_lang=source, tgt_lang=target, max_new_tokens=9)
    tokenizer = translate.tokenizer
    tokenizer.src_lang = source
    ids = tokenizer("the tower")["input_ids"]
    with torch.no_grad():
        expected = translate.model.generate(
            torch.tensor([ids]),
            forced_bos_token_id=tokenizer.convert_tokens_to_ids(first),
            max_new_tokens=9,
        )
    assert found == [{"translation_text": tokenizer.decode(expected[0], skip_special_tokens=True)}]


@pytest.mark.parametrize("folder", ["m2m", "mbart"])
def test_languages_have_to_be_said_and_known(folder: str, request: pytest.FixtureRequest) -> None:
    translate = made("translation", request.getfixturevalue(folder))
    known = {"m2m": "en", "mbart": "en_XX"}[folder]
    with pytest.raises(ValueError, match="needs src_lang and tgt_lang"):
        translate([TEXT], src_lang=known)
    with pytest.raises(ValueError, match="src_lang is no language of this model"):
        translate([TEXT], src_lang="zz", tgt_lang=known)
    with pytest.raises(ValueError, match="tgt_lang is no language of this model"):
        translate([TEXT], src_lang=known, tgt_lang="zz")


def test_long_texts_and_long_answers_stay_within_the_positions(bart: Path) -> None:
    generate = made("text2text-generation", bart)
    assert generate([TEXT * 30], max_new_tokens=5000, min_new_tokens=39)
    assert generate([TEXT * 30], max_length=5000)
    assert generate([""], truncation=True)


def test_relative_positions_read_on_unless_told_to_truncate(t5: Path) -> None:
    generate = made("text2text-generation", t5)
    expected = by_hand(t5, TEXT * 5, max_length=20)
    assert generate([TEXT * 5]) == [[{"generated_text": expected[0]}]]
    assert generate([TEXT * 50], truncation=True) == generate([TEXT * 60], truncation=True)


def test_a_seed_repeats_and_leaves_other_chance_alone(t5: Path) -> None:
    import torch

    generate = made("text2text-generation", t5)
    options = {"do_sample": True, "temperature": 5.0, "max_new_tokens": 20}
    torch.manual_seed(1)
    untouched = torch.rand(2).tolist()
    torch.manual_seed(1)
    first = generate([TEXT], seed=3, **options)
    assert torch.rand(2).tolist() == untouched
    assert first == generate([TEXT], seed=3, **options) != generate([TEXT], seed=4, **options)


def test_options_that_do_not_go_together_are_refused_in_one_line(t5: Path) -> None:
    with pytest.raises(ValueError, match="num_return_sequences") as refused:
        made("text2text-generation", t5)([TEXT], num_return_sequences=2)
    assert "\n" not in str(refused.value)
    assert TEXT not in str(refused.value)


def test_a_tokenizer_may_come_from_elsewhere(t5: Path, tmp_path: Path) -> None:
    from mlserver_chorus.pipelines.own import build

    save_tokenizer(tmp_path, single="$A $A [EOS]")
    doubled = build("text2text-generation", t5, "cpu", tokenizer=tmp_path)
    assert doubled(["in"]) == made("text2text-generation", t5)(["in in"])


@pytest.mark.parametrize("text", [None, 3, ["secret"]])
def test_what_is_no_text_is_refused(t5: Path, text: Any) -> None:
    with pytest.raises(ValueError, match="must be a string"):
        made("summarization", t5)([text])
