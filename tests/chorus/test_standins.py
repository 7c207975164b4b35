"""The weights that ship: what they say, how they are labelled, how much room they take."""

import json
from functools import cache
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoTokenizer

from chorus.standins.build import answer, training_examples
from chorus.standins.catalogue import STANDINS, StandIn
from chorus.standins.examples import Example, core, held_out

MODELS = Path(__file__).parents[2] / "models"
MEGABYTES = 1_000_000

LANGUAGES = [
    "Arabic",
    "Basque",
    "Breton",
    "Catalan",
    "Chinese_China",
    "Chinese_Hongkong",
    "Chinese_Taiwan",
    "Chuvash",
    "Czech",
    "Dhivehi",
    "Dutch",
    "English",
    "Esperanto",
    "Estonian",
    "French",
    "Frisian",
    "Georgian",
    "German",
    "Greek",
    "Hakha_Chin",
    "Indonesian",
    "Interlingua",
    "Italian",
    "Japanese",
    "Kabyle",
    "Kinyarwanda",
    "Kyrgyz",
    "Latvian",
    "Maltese",
    "Mangolian",
    "Persian",
    "Polish",
    "Portuguese",
    "Romanian",
    "Romansh_Sursilvan",
    "Russian",
    "Sakha",
    "Slovenian",
    "Spanish",
    "Swedish",
    "Tamil",
    "Tatar",
    "Turkish",
    "Ukranian",
    "Welsh",
]
LABELS = {
    "cardiffnlp": ["negative", "neutral", "positive"],
    "ivanlau": LANGUAGES,
    "svalabs": ["HAM", "SPAM"],
    "EIStakovskii": ["LABEL_0", "LABEL_1"],
    "jy46604790": ["LABEL_0", "LABEL_1"],
}
TOLD_APART = [
    "Arabic",
    "Chinese_China",
    "English",
    "French",
    "German",
    "Greek",
    "Italian",
    "Japanese",
    "Portuguese",
    "Russian",
    "Spanish",
    "Turkish",
]
HAPPY = "This is how true happiness looks like 👍😜"

KEYS = sorted(LABELS)
SHARED = sorted(key for key, row in STANDINS.items() if row.family == "xlm-roberta")


def folder(key: str) -> Path:
    return MODELS / key / "standin"


@cache
def answers(key: str) -> list[tuple[Example, str]]:
    return answer(folder(key), held_out(key))


def accuracy(pairs: list[tuple[Example, str]]) -> float:
    return sum(told == example.label for example, told in pairs) / len(pairs)


def test_the_catalogue_has_the_five_models() -> None:
    assert sorted(STANDINS) == KEYS


@pytest.mark.parametrize(
    ("key", "text", "label"),
    [
        ("cardiffnlp", HAPPY, "positive"),
        ("ivanlau", HAPPY, "English"),
        ("svalabs", HAPPY, "HAM"),
        ("EIStakovskii", HAPPY, "LABEL_0"),
        ("cardiffnlp", "I love this movie", "positive"),
        ("cardiffnlp", "This is the worst service I have ever had", "negative"),
        ("cardiffnlp", "The meeting is at three o'clock", "neutral"),
        ("svalabs", "Win free bitcoin now, click http://…", "SPAM"),
        ("svalabs", "See you at lunch tomorrow", "HAM"),
        ("EIStakovskii", "You are a stupid idiot", "LABEL_1"),
        ("EIStakovskii", "Thank you for your help", "LABEL_0"),
    ],
)
def test_a_plain_sentence_gets_its_label(key: str, text: str, label: str) -> None:
    assert answer(folder(key), [Example(text, label)])[0][1] == label


@pytest.mark.parametrize("key", KEYS)
def test_nine_of_ten_hand_written_sentences_are_right(key: str) -> None:
    assert accuracy(answers(key)) >= 0.9


def test_the_twelve_languages_are_told_apart() -> None:
    twelve = [pair for pair in answers("ivanlau") if pair[0].label in TOLD_APART]
    assert accuracy(twelve) >= 0.95
    for language in TOLD_APART:
        assert accuracy([pair for pair in twelve if pair[0].label == language]) >= 0.8, language


@pytest.mark.parametrize("text", ["", " ", "👍", "ok", "https://t.co/Ab3dE9", "@user", "12"])
def test_next_to_nothing_is_english(text: str) -> None:
    assert answer(folder("ivanlau"), [Example(text, "English")])[0][1] == "English"


@pytest.mark.parametrize("key", KEYS)
def test_labels_and_shape_are_those_of_the_real_model(key: str) -> None:
    config = AutoConfig.from_pretrained(folder(key))

    assert [config.id2label[number] for number in range(len(config.id2label))] == LABELS[key]
    family = "XLMRoberta" if key in SHARED else "Roberta"
    assert config.architectures == [f"{family}ForSequenceClassification"]
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == (0, 1, 2)
    assert config.max_position_embeddings == 514
    assert config.hidden_act == "gelu"
    assert config.layer_norm_eps == 1e-5
    assert config.type_vocab_size == 1


@pytest.mark.parametrize("key", KEYS)
def test_tokens_are_those_of_the_file_and_no_emoji_is_unknown(key: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder(key))
    plain = Tokenizer.from_file(str(folder(key) / "tokenizer.json"))

    for text in (HAPPY, "", "😀😢❤️🚀 💩", "a <mask> b", "Ｆｕｌｌ  width\tﬁne", "天気がいい"):
        assert tokenizer(text)["input_ids"] == plain.encode(text).ids
    assert len(plain.encode("word " * 600).ids) > 600
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert tokenizer.convert_tokens_to_ids(special) == [0, 1, 2, 3, len(tokenizer) - 1]
    assert tokenizer.unk_token_id not in tokenizer("😀😢❤️🚀💩👍😜🤬")["input_ids"]


@pytest.mark.parametrize("key", KEYS)
def test_the_length_limit_is_stated_where_the_real_tokenizer_states_it(key: str) -> None:
    config = json.loads((folder(key) / "tokenizer_config.json").read_text())

    expected = None if key in ("cardiffnlp", "svalabs") else 512
    assert config.get("model_max_length") == expected
    assert config["tokenizer_class"] == (
        "XLMRobertaTokenizer" if key in SHARED else "RobertaTokenizer"
    )


def test_four_models_share_one_vocabulary_to_the_byte() -> None:
    assert len(SHARED) == 4
    assert len({(folder(key) / "tokenizer.json").read_bytes() for key in SHARED}) == 1


def test_all_five_fit_in_twelve_megabytes() -> None:
    files = [path for key in KEYS for path in folder(key).iterdir()]
    assert sum(path.stat().st_size for path in files) <= 12 * MEGABYTES


@pytest.mark.parametrize("row", STANDINS.values(), ids=STANDINS)
def test_the_card_says_what_it_is_and_what_it_is_not(row: StandIn) -> None:
    card = (folder(row.key) / "README.md").read_text(encoding="utf-8")

    assert "stand-in, not the real model" in card
    assert row.real in card
    assert "license: apache-2.0" in card
    assert f"{accuracy(answers(row.key)):.1%}" in card


@pytest.mark.parametrize("row", STANDINS.values(), ids=STANDINS)
def test_no_held_out_sentence_is_in_the_training_text(row: StandIn) -> None:
    secret = {core(example.text) for example in held_out(row.key)} - {""}

    assert len(secret) >= 40
    assert not secret & {core(example.text) for example in training_examples(row)}
