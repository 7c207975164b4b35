"""Tiny tokenizers of every kind, learnt from the project's own sentences."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from chorus.standins.phrasebook import lines

VOCABULARY = 1200
WORDS, ENDINGS = 700, 200
LONGEST = 512  # tokens, as in the real encoders

BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
PRINTABLE = [chr(code) for code in range(0x21, 0x7F)]
LETTERS = "abcdefghijklmnopqrstuvwxyz"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
CHAT_SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


@cache
def word_pieces() -> dict[str, int]:
    """BERT's kind of vocabulary in lower case: characters, frequent words, their endings.

    Counted here: the library's own learner breaks ties differently at every run.
    """
    clean, split = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    texts = [clean.normalize_str(sentence) for sentence in sentences()]
    words = Counter(word for text in texts for word, _ in split.pre_tokenize_str(text))
    endings = Counter(f"##{word[-size:]}" for word in words for size in (2, 3) if len(word) > size)
    characters = dict.fromkeys([*PRINTABLE, *sorted(set("".join(words)))])
    tokens = [
        *BERT_SPECIAL,
        *characters,
        *(f"##{character}" for character in characters),
        *(word for word, _ in words.most_common(WORDS)),
        *(ending for ending, _ in endings.most_common(ENDINGS)),
    ]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


@cache
def byte_pairs(special: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """GPT-2's kind of vocabulary and its merges: bytes, so that nothing is unknown."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=2,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator(sentences(), trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    vocabulary = sorted(learner.get_vocab().items(), key=lambda entry: entry[1])
    return dict(vocabulary), [(left, right) for left, right in merges]


def lower_case_pairs(special: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's kind of vocabulary and merges: </w> marks the end of a word, `special` comes last."""
    vocabulary, merges = byte_pairs(())
    ends = [f"{character}</w>" for character in sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokens = [*vocabulary, *ends, *special]
    return {token: number for number, token in enumerate(tokens)}, merges


def pieces(special: Sequence[str]) -> list[tuple[str, float]]:
    """T5's kind of vocabulary: the words of WordPiece with ▁ before them, likelier when longer."""
    words = [word for word in word_pieces() if word not in BERT_SPECIAL]
    starts = [f"▁{word}" for word in words if not word.startswith("##")]
    inside = {word.removeprefix("##") for word in words if word.startswith("##")} | set(PRINTABLE)
    found = ["▁", *starts, *sorted(inside)]
    return [(token, 0.0) for token in special] + [(piece, -12.0 + len(piece)) for piece in found]


def from_file(kind: Any, vocabulary: Sequence[str], **options: Any) -> Any:
    """A tokenizer of a class that reads its vocabulary from a file: a token a line, or JSON."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / kind.vocab_files_names["vocab_file"]
        numbered = {token: number for number, token in enumerate(vocabulary)}
        text = json.dumps(numbered) if path.suffix == ".json" else "\n".join(vocabulary) + "\n"
        path.write_text(text, encoding="utf-8")
        return kind(vocab_file=str(path), **options)


@cache
def sentences() -> tuple[str, ...]:
    """Everyday sentences in English, French and German."""
    names = ("English.txt", "French.txt", "German.txt")
    return tuple(
        sentence
        for path in (("everyday.txt",), *(("languages", name) for name in names))
        for sentence in lines(*path)
    )
