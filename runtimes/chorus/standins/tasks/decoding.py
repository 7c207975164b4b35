"""How a model of random weights writes: little, in readable characters, not in circles."""

from typing import Any

import torch

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # what half of a character decodes to
NEW_TOKENS = 20  # enough to see that it writes; a request may ask for more


def brief(model: Any) -> Any:
    """The model, ending soon unless asked otherwise and never repeating a pair of tokens."""
    model.generation_config.max_new_tokens = NEW_TOKENS
    model.generation_config.no_repeat_ngram_size = 2
    return model


@torch.no_grad()
def readable(model: Any, tokenizer: Any) -> Any:
    """The model without a liking for tokens that are no text by themselves.

    Their rows of the output matrix become zero: random rows beat them for nearly every input.
    """
    texts = tokenizer.batch_decode([[number] for number in range(len(tokenizer))])
    special = set(tokenizer.all_special_tokens)
    muted = [
        number
        for number, text in enumerate(texts)
        if text in special or UNKNOWN in text or not text.strip().isprintable()
    ]
    model.get_output_embeddings().weight[muted] = 0.0
    return model
