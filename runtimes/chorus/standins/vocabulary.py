"""The two tokenizers of the stand-ins: one Unigram shared by four, one byte-level BPE."""

import io
import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import RobertaTokenizer, XLMRobertaTokenizer

UNIGRAM_SIZE = 6500
BPE_SIZE = 2500
NO_LIMIT = int(1e30)

# Takes the space before it, as in the real tokenizers.
_MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)

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
        mask_token=_MASK,
    )


def _general(piece: str) -> bool:
    """Whether a piece is worth a place: no glued emoji, no phrase of a script without spaces."""
    word = piece.lstrip("▁")
    if len(piece) == 1:
        return True
    if any(unicodedata.category(char) == "So" for char in word):
        return False
    return len(word) <= 2 or not any("\u3040" <= char <= "\u9fff" for char in word)


def byte_level(texts: Iterable[str]) -> Any:
    """A RoBERTa tokenizer: byte-level BPE, special tokens where roberta-base has them."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE,
        min_frequency=2,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    model = json.loads(bpe.to_str())["model"]
    vocab = {**model["vocab"], "<mask>": len(model["vocab"])}
    merges = [tuple(merge) for merge in model["merges"]]
    return RobertaTokenizer(vocab=vocab, merges=merges, mask_token=_MASK)


def slim(folder: Path) -> None:
    """Rewrite tokenizer.json without white space, and drop a length limit that says no limit."""
    vocabulary = folder / "tokenizer.json"
    content = json.loads(vocabulary.read_text(encoding="utf-8"))
    compact = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    vocabulary.write_text(compact + "\n", encoding="utf-8")

    settings = folder / "tokenizer_config.json"
    content = json.loads(settings.read_text(encoding="utf-8"))
    if content["model_max_length"] > NO_LIMIT / 10:
        del content["model_max_length"]
    settings.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
