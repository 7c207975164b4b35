"""Which files of a repository a model is loaded from; never code, never anything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from .source import Part

_TOKENIZER = (
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.json",
    "chat_template.jinja",
    "*.model",  # SentencePiece
    "*.spm",
    "*.tiktoken",
    "vocab*.json",
    "vocab.txt",
    "merges.txt",
    "bpe.codes",
)
_CONFIGURATION = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "modules.json",  # of sentence-transformers, with a folder for each module
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "[0-9]_*/config.json",
    *_TOKENIZER,
)
_SAFE = ("*.safetensors", "*.safetensors.index.json")
_PICKLED = ("pytorch_model*.bin", "pytorch_model.bin.index.json")


def wanted(paths: Sequence[str], part: Part) -> list[str]:
    """Those of a repository's files that the part needs; pickles only where nothing safer is."""
    if part is Part.TOKENIZER:
        return _matching(paths, ("config.json", *_TOKENIZER))
    weights = _SAFE if _matching(paths, _SAFE[:1]) else _PICKLED
    return _matching(paths, (*_CONFIGURATION, *weights))


def has_weights(paths: Iterable[str]) -> bool:
    """Whether there is more among the files than a tokenizer."""
    return bool(_matching(paths, (_SAFE[0], _PICKLED[0])))


def _matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    return [path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)]
