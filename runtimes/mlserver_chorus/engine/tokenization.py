"""Stage one: texts to token ids, within the model's real length limit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .types import Encoding, Entry, Request

# Texts that tell tokenizers apart: cases, forms, spaces, controls, scripts, emoji, nothing at all.
_PROBES = (
    "",
    " ",
    "a",
    " Leading and  double   spaces, tabs\tand\nnewlines ",
    "MiXeD CaSe ÄÖÜß İstanbul ǅ",
    "e\u0301 é ﬁ ① Ｆｕｌｌ　ｗｉｄｔｈ ½ ™ \u00ad \u200b \u200d \ufeff",
    "\x00\x01\x1f\x7f control",
    "👍😜🏳️‍🌈 👩‍👩‍👧 ☃",
    "السلام عليكم 你好，世界 こんにちは Привет γειά สวัสดี தமிழ் ქართული",
    "https://example.com/?q=1&x=%20#frag @user #tag 1,234.56 bc1qw508d6qejxtdg4y5r3zarvary",
    "don't won't I'm it's 'quoted' \"double\" … — –",
    "<s>inside</s><pad><unk>",
    "x" * 5000,
    "word " * 700,
)


class Tokenizer:
    """A Hugging Face fast tokenizer that truncates at `limit` tokens, specials included."""

    def __init__(self, backend: Any, limit: int, pad_id: int, *, type_ids: bool = False) -> None:
        backend.no_padding()
        backend.enable_truncation(max_length=limit)
        self._backend = backend
        self._type_ids = type_ids
        self.limit = limit
        self.pad_id = pad_id

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """One encoding per text, never empty and never longer than `limit`.

        A text that has no tokens at all (an empty one, to a tokenizer without specials) becomes a
        single padding token, so that an empty text is answered too.
        """
        encoded = self._backend.encode_batch_fast(list(texts))
        return [
            Encoding(e.ids or [self.pad_id], (e.type_ids or [0]) if self._type_ids else None)
            for e in encoded
        ]

    def behaves_like(self, other: object) -> bool:
        """Whether both give the same tokens to every text, judged without trying every text.

        The vocabulary with its scores or merges must be equal; what stands around it (normaliser,
        splits, special tokens) is judged by what it does to texts that would show a difference.
        """
        if not isinstance(other, Tokenizer):
            return False
        if (self.limit, self.pad_id, self._type_ids) != (
            other.limit,
            other.pad_id,
            other._type_ids,
        ):
            return False
        if self._vocabulary != other._vocabulary:
            return False
        probes = [*_PROBES, *_special_token_probes(self._backend, other._backend)]
        return all(
            (mine.ids, mine.type_ids) == (theirs.ids, theirs.type_ids)
            for mine, theirs in zip(self.encode(probes), other.encode(probes), strict=True)
        )

    @cached_property
    def _vocabulary(self) -> str:
        """Digest of the tokenizer's model: pieces, their ids, scores or merges."""
        model = json.loads(self._backend.to_str())["model"]
        return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()


def entries_of(request: Request) -> list[Entry]:
    """A request's texts, tokenised once for each of its tokenizers."""
    encoded: dict[int, list[Encoding]] = {}
    for tokenizer in (part.tokenizer for part in request.parts):
        if id(tokenizer) not in encoded:
            encoded[id(tokenizer)] = tokenizer.encode(request.texts)
    columns = [encoded[id(part.tokenizer)] for part in request.parts]
    return [
        Entry(request, row, encodings, max(len(encoding.ids) for encoding in encodings))
        for row, encodings in enumerate(zip(*columns, strict=True))
    ]


def _special_token_probes(*backends: Any) -> list[str]:
    """Texts that show how tokenizers treat their added tokens: bare, spaced, inside a word."""
    contents = {t.content for b in backends for t in b.get_added_tokens_decoder().values()}
    forms = ("{}", "a {} b", "a{}b", "A  {}  B")
    return [form.format(content) for content in sorted(contents)[:64] for form in forms]
