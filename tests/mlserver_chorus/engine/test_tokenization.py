"""When two tokenizers count as one, and what truncation leaves."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import AddedToken, normalizers, pre_tokenizers

from mlserver_chorus.engine.tokenization import Tokenizer

from ..conftest import CORPUS, unigram_tokenizer


def tokenizer(backend: Any, limit: int = 512) -> Tokenizer:
    return Tokenizer(backend, limit, pad_id=1)


def test_equal_tokenizers_behave_alike() -> None:
    assert tokenizer(unigram_tokenizer()).behaves_like(tokenizer(unigram_tokenizer()))


def _lowercased() -> Any:
    backend = unigram_tokenizer()
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    return backend


def _unnormalised() -> Any:
    backend = unigram_tokenizer()
    backend.normalizer = None
    return backend


def _without_prefix_space() -> Any:
    backend = unigram_tokenizer()
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    return backend


@pytest.mark.parametrize(
    "other",
    [
        _lowercased,
        _unnormalised,
        _without_prefix_space,
        lambda: unigram_tokenizer((*CORPUS, "another corpus altogether")),
        lambda: unigram_tokenizer(mask=AddedToken("<mask>", lstrip=True)),
        lambda: unigram_tokenizer(mask="[MASK]"),
    ],
    ids=["case", "normaliser", "spaces", "vocabulary", "mask strips", "mask's name"],
)
def test_a_difference_that_shows_in_some_text_keeps_them_apart(other: Any) -> None:
    ours, theirs = tokenizer(unigram_tokenizer()), tokenizer(other())
    assert not ours.behaves_like(theirs)
    assert not theirs.behaves_like(ours)


def test_a_difference_that_shows_in_no_text_does_not() -> None:
    """A decoder is never used here; nor does it matter how the file spells the same thing."""
    spelled_otherwise = unigram_tokenizer()
    spelled_otherwise.normalizer = normalizers.Sequence([normalizers.NFKC()])
    assert tokenizer(unigram_tokenizer()).behaves_like(tokenizer(spelled_otherwise))


def test_other_limits_keep_them_apart() -> None:
    assert not tokenizer(unigram_tokenizer()).behaves_like(tokenizer(unigram_tokenizer(), 10))


def test_truncation_keeps_the_special_tokens() -> None:
    (encoding,) = tokenizer(unigram_tokenizer(), limit=6).encode(["hello world " * 9])
    assert len(encoding.ids) == 6
    assert (encoding.ids[0], encoding.ids[-1]) == (0, 2)


def test_a_text_without_tokens_becomes_one_padding_token() -> None:
    backend = unigram_tokenizer()
    backend.post_processor = None
    assert [e.ids for e in tokenizer(backend).encode([""])] == [[1]]
