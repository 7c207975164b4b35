"""The benchmark's texts: seeded, all different, of the promised lengths and contents."""

from collections.abc import Callable
from statistics import mean

import pytest
from benchmarks.texts import challenge_texts, texts_of_length
from benchmarks.weights import folders, token_counts, token_ends

from chorus.load.texts import short_texts

Make = Callable[..., list[str]]


@pytest.mark.parametrize("make", [short_texts, challenge_texts])
def test_the_seed_decides_the_texts(make: Make) -> None:
    assert make(50) == make(50)
    assert make(50, seed=1) == make(50, seed=1) != make(50, seed=2)


def test_short_texts_are_all_different_and_short() -> None:
    texts = short_texts(3000)
    assert len(set(texts)) == 3000
    assert all(4 <= len(text) <= 110 for text in texts)


@pytest.mark.parametrize("key", ["cardiffnlp", "ivanlau", "svalabs", "EIStakovskii"])
def test_short_texts_have_20_tokens_for_the_xlmr_stand_ins(key: str) -> None:
    counts = token_counts(folders("standin")[key], short_texts(2000))
    assert 18 <= mean(counts) <= 22


@pytest.mark.parametrize("tokens", [8, 64, 512])
def test_texts_of_a_length_are_a_token_off_at_most(tokens: int) -> None:
    folder = folders("standin")["cardiffnlp"]
    texts = texts_of_length(50, tokens, token_ends(folder))
    assert len(set(texts)) == 50
    assert all(abs(count - tokens) <= 1 for count in token_counts(folder, texts))


def test_short_texts_mix_alphabets() -> None:
    joined = "".join(short_texts(300))
    assert all(letter in joined for letter in "aяαب天は")


def test_challenge_texts_follow_the_recipe() -> None:
    texts = challenge_texts(3000)
    full = [text for text in texts if text]
    assert texts.count("") == 15  # 0.5 %
    assert len(set(full)) == len(full)
    assert 250 <= sum(map(len, full)) / len(full) <= 285
    assert all("https://www." in text for text in full)
    assert any("\x00" in text for text in full)
    assert any("\n" in text for text in full)
    assert all(ord(max(text)) > 0x1F0 for text in full)  # an emoji, or its plainer ancestors
