"""Tokenizers that cut the benchmark's texts into as many tokens as the real ones do.

The real vocabularies cannot be shipped, and their sizes matter: a model holds a row per token. So
these know the pieces that the texts are made of, and are filled up with tokens that never occur.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from string import ascii_letters, digits
from typing import Any

import orjson
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from benchmarks.texts import challenge_texts
from chorus.load.texts import short_texts

FIRST = ["<s>", "<pad>", "</s>", "<unk>"]
MASK = "<mask>"
PRINTABLE = [chr(code) for code in range(33, 127)]
PAIRS = ["".join(pair) for pair in product(ascii_letters + digits, repeat=2)]
# Letters per piece at the beginning of a word; learned merges and the bytes of the longest. Chosen
# so that the challenge's texts have 104 tokens on average and 131 at the 95th percentile; the real
# tokenizers have 104 and 134.
BEGINNING = 6
MERGED, LONGEST_MERGED = 1900, 7
SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]


def unigram(size: int) -> Any:
    """An XLM-R kind of tokenizer: the fewest known pieces win; `size` tokens."""
    words = sorted({word for text in _corpus() for word in text.split()})
    beginnings = {"▁" + word[:BEGINNING] for word in words if word[:BEGINNING].isalpha()}
    endings = {word[BEGINNING:] for word in words if word[BEGINNING:].isalpha()}
    characters = {"▁", *PRINTABLE, *(character for word in words for character in word)}
    # The better score goes to the longer piece, so the fewest pieces win.
    pieces = dict.fromkeys(sorted(characters), -12.0)
    pieces |= dict.fromkeys(PAIRS, -11.0)
    pieces |= dict.fromkeys(sorted(endings), -9.0)
    pieces |= dict.fromkeys(sorted(beginnings), -8.0)
    vocabulary = [(token, 0.0) for token in FIRST] + list(pieces.items())
    missing = size - 1 - len(vocabulary)
    if missing < 0:
        raise ValueError(f"{size} tokens are too few for the texts' own {len(vocabulary)} pieces")
    vocabulary += [(filler, -20.0) for filler in islice(_fillers("▁"), missing)]
    vocabulary.append((MASK, 0.0))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([*FIRST, MASK])
    return tokenizer


def byte_level(size: int) -> Any:
    """A RoBERTa kind of tokenizer: bytes and learned merges; `size` tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=MERGED,
        max_token_length=LONGEST_MERGED,
        special_tokens=FIRST,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    known = set(tokenizer.get_vocab())
    fresh = (filler for filler in _fillers("Ġ") if filler not in known)
    # No merge leads to a filler, so no text has one.
    learned = orjson.loads(tokenizer.to_str())["model"]
    for token in [*islice(fresh, size - 1 - len(known)), MASK]:
        learned["vocab"][token] = len(learned["vocab"])
    merges = [tuple(merge) for merge in learned["merges"]]
    tokenizer.model = models.BPE(vocab=learned["vocab"], merges=merges)
    tokenizer.add_special_tokens([*FIRST, MASK])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def _fillers(prefix: str) -> Iterator[str]:
    """Made-up words without end, none of which is in a text."""
    for syllables in product(SYLLABLES, repeat=4):
        yield prefix + "".join(syllables)


def _corpus() -> list[str]:
    return short_texts(2000, seed=1) + challenge_texts(200, seed=1)
