"""The texts that `chorus bench` sends unless it is given others."""

from __future__ import annotations

from statistics import median

from chorus.load.texts import mixed_texts


def test_they_are_the_same_each_time_and_all_different() -> None:
    texts = mixed_texts(500)
    assert texts == mixed_texts(500)
    assert len(set(texts)) == 500


def test_they_mix_lengths_and_alphabets() -> None:
    texts = mixed_texts(500)
    lengths = sorted(map(len, texts))
    assert lengths[-1] > 10 * median(lengths), "most are a line, a few a page"
    for letters in ("ç", "я", "ω", "خ", "電", "雨"):
        assert any(letters in text for text in texts), letters
