"""The tokenizer that four stand-ins share: a SentencePiece Unigram."""

import io
import unicodedata
from collections.abc import Iterable
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from transformers import XLMRobertaTokenizer

from chorus.training.byte_level import MASK

UNIGRAM_SIZE = 6500

# Smileys, hands and the faces added later: a reader of tweets must tell them apart, seen or not.
_ALWAYS = "".join(
    map(chr, (*range(0x21, 0x7F), *range(0x1F600, 0x1F650), *range(0x1F900, 0x1F980)))
)


def unigram(texts: Iterable[str]) -> Any:
    """An XLM-R tokenizer: SentencePiece Unigram over NFKC, every character of the texts a piece.

    It goes through SentencePiece itself, as the real vocabulary did, for its normaliser table.
    """
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=trained,
        model_type="unigram",
        vocab_size=UNIGRAM_SIZE,
        character_coverage=1.0,
        required_chars=_ALWAYS,
        normalization_rule_name="nmt_nfkc",
        max_sentencepiece_length=12,
        # More threads would add in another order, and the vocabulary would not be the same twice.
        num_threads=1,
        minloglevel=2,
    )
    proto = sentencepiece_model_pb2.ModelProto.FromString(trained.getvalue())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces[3:] if _general(piece.piece)]
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    return XLMRobertaTokenizer(
        vocab=[*special, *pieces, ("<mask>", 0.0)],
        _spm_precompiled_charsmap=proto.normalizer_spec.precompiled_charsmap,
        mask_token=MASK,
    )


def _general(piece: str) -> bool:
    """Whether a piece is worth a place: no glued emoji, no phrase of a script without spaces."""
    word = piece.lstrip("▁")
    if len(piece) == 1:
        return True
    if any(unicodedata.category(char) == "So" for char in word):
        return False
    return len(word) <= 2 or not any("\u3040" <= char <= "\u9fff" for char in word)
