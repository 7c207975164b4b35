"""A tokenizer of the texts' own: byte-level BPE, as RoBERTa has it."""

import json
from collections.abc import Iterable
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import RobertaTokenizer

NO_LIMIT = int(1e30)

# Takes the space before it, as in the real tokenizers.
MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)


def byte_level(texts: Iterable[str], size: int) -> Any:
    """A RoBERTa tokenizer of at most `size` tokens, special ones where roberta-base has them."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    model = json.loads(bpe.to_str())["model"]
    vocab = {**model["vocab"], "<mask>": len(model["vocab"])}
    merges = [tuple(merge) for merge in model["merges"]]
    return RobertaTokenizer(vocab=vocab, merges=merges, mask_token=MASK)
