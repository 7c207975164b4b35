"""The benchmark's texts: seeded, all different, of the promised lengths and contents."""

from collections.abc import Callable

import pytest
from benchmarks.texts import challenge_texts, short_texts

Make = Callable[..., list[str]]


@pytest.mark.parametrize("make", [short_texts, challenge_texts])
def test_the_seed_decides_the_texts(make: Make) -> None:
    assert make(50) == make(50)
    assert make(50, seed=1) == make(50, seed=1) != make(50, seed=2)


def test_short_texts_are_all_different_and_short() -> None:
    texts = short_texts(3000)
    assert len(set(texts)) == 3000
    assert all(4 <= len(text) <= 130 for text in texts)
    assert 45 <= sum(map(len, texts)) / 3000 <= 75


def test_short_texts_mix_alphabets() -> None:
    joined = "".join(short_texts(300))
    assert all(letter in joined for letter in "aяαب天は")


def test_challenge_texts_follow_the_recipe() -> None:
    texts = challenge_texts(3000)
    full = [text for text in texts if text]
    assert 5 <= texts.count("") <= 30  # 0.5 %
    assert len(set(full)) == len(full)
    assert 250 <= sum(map(len, full)) / len(full) <= 285
    assert all("https://www." in text for text in full)
    assert any("\x00" in text for text in full)
    assert any("\n" in text for text in full)
    assert all(ord(max(text)) > 0x1F0 for text in full)  # an emoji, or its plainer ancestors
