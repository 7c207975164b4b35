"""How many tokens a model can read or write before its position table ends."""

from __future__ import annotations

from typing import Any

# For models whose positions have no end: the longest that one text may cost.
_UNSTATED_LIMIT = 4096
# transformers says "no limit" by a number of thirty digits.
_NO_LIMIT = 10**6


def readable(model: Any, tokenizer: Any) -> int:
    """Most tokens of one text, specials included, that the model can read at all.

    A model with relative positions reads what its tokenizer states, and 4096 at the least.
    """
    table = _positions(model, "max_encoder_position_embeddings", "max_position_embeddings")
    if table is None:
        return max(_UNSTATED_LIMIT, _stated(tokenizer) or 0)
    return table


def comfortable(model: Any, tokenizer: Any) -> int:
    """Most tokens of one text that the model was made for: at most what its tokenizer states."""
    most = readable(model, tokenizer)
    return min(most, _stated(tokenizer) or most)


def writable(model: Any) -> int:
    """Longest sequence, start token or prompt included, that the model can generate."""
    table = _positions(model, "max_decoder_position_embeddings", "max_position_embeddings")
    return table or _UNSTATED_LIMIT


def _stated(tokenizer: Any) -> int | None:
    length = int(tokenizer.model_max_length)
    return length if length < _NO_LIMIT else None


def _positions(model: Any, *names: str) -> int | None:
    """Usable rows of the position table; None when the model has none."""
    config = model.config.get_text_config()
    rows = next((rows for name in names if (rows := getattr(config, name, None))), None)
    return None if rows is None else int(rows) - _unusable(model)


def _unusable(model: Any) -> int:
    """Rows that no text reaches: the RoBERTa family counts positions from its padding id + 1."""
    for name, table in model.named_modules():
        if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None:
            return int(table.padding_idx) + 1
    return 0
